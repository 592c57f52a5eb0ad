//! What the text of a crate gives away: SQL, status codes, traits, clocks.
//!
//! Looks at product code only, never at tests. A rule here is a heuristic: it may miss, but what it
//! reports is wrong.

use crate::report::Finding;
use crate::source::{Line, has_word, is_word, lines, numbered};
use crate::tree::TextFile;

/// Checks the sources of every crate of the line.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    files.iter().filter(|file| is_product(file)).flat_map(check_file).collect()
}

fn is_product(file: &TextFile) -> bool {
    file.is_rust() && FOLDERS.iter().any(|folder| file.path.starts_with(folder))
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let lines = lines(file);
    numbered(&lines)
        .filter(|(_, line)| !line.for_tests)
        .flat_map(|(number, line)| {
            RULES
                .iter()
                .filter_map(|rule| rule(&file.path, line))
                .map(move |text| Finding::at(&file.path, number, text))
        })
        .collect()
}

/// SQL stands in one file.
fn sql(path: &str, line: &Line) -> Option<String> {
    if path == "store/src/engine/postgres.rs" {
        return None;
    }
    let found = SQL.iter().find(|words| line.string.contains(**words))?;
    Some(format!("`{}`: SQL stands in store/src/engine/postgres.rs only", found.trim()))
}

/// Status codes stand in one file; what succeeded needs no number.
fn status_code(path: &str, line: &Line) -> Option<String> {
    if path == "rest/src/error.rs" {
        return None;
    }
    let named = line.code.match_indices("StatusCode::").any(|(at, found)| {
        let rest = line.code.get(at + found.len()..).unwrap_or_default();
        let name: String = rest.chars().take_while(|letter| is_word(*letter)).collect();
        is_constant(&name) && name != "OK" || name == "from_u16"
    });
    (named || has_bare_status(&line.code)).then(|| {
        "a status code: they stand in rest/src/error.rs only; return an error or a named answer"
            .to_owned()
    })
}

/// True for code that says "status" and holds a number from 400 to 599.
fn has_bare_status(code: &str) -> bool {
    code.to_ascii_lowercase().contains("status")
        && code
            .split(|letter: char| !is_word(letter) && letter != '.')
            .filter_map(|word| word.split('_').next())
            .filter(|word| word.len() == STATUS_DIGITS)
            .filter_map(|word| word.parse::<u16>().ok())
            .any(|number| (400..600).contains(&number))
}

/// Traits exist at four seams.
fn new_trait(path: &str, line: &Line) -> Option<String> {
    let code = line.code.trim_start();
    let rest = code.strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(restricted) => restricted.split_once(')')?.1,
        None => rest,
    };
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let name: String =
        rest.strip_prefix("trait ")?.chars().take_while(|letter| is_word(*letter)).collect();
    (!SEAMS.contains(&name.as_str())).then(|| {
        format!(
            "{path} declares the trait {name}: traits exist at the seams {} only; \
             a fifth needs a decision record",
            SEAMS.join(", ")
        )
    })
}

/// Which engine it is, is never asked outside the engines.
fn engine_question(path: &str, line: &Line) -> Option<String> {
    if path.starts_with("store/src/engine") || path.starts_with("server/src") {
        return None;
    }
    let asks = has_word(&line.code, "is_embedded") || has_word(&line.code, "is_postgres");
    asks.then(|| "asks which engine it is: give the engine a capability instead".to_owned())
}

/// Real time and randomness come from one file.
fn real_world(path: &str, line: &Line) -> Option<String> {
    if path == "server/src/system.rs" {
        return None;
    }
    let found = REAL_WORLD.iter().find(|call| line.code.contains(**call))?;
    Some(format!("`{found}`: server/src/system.rs holds the only real clock and randomness"))
}

/// True for names such as `NOT_FOUND`.
fn is_constant(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// A rule: what is wrong with a line of a file.
type Rule = fn(&str, &Line) -> Option<String>;

const RULES: [Rule; 5] = [sql, status_code, new_trait, engine_question, real_world];

/// The sources of the product.
const FOLDERS: [&str; 6] =
    ["domain/src/", "store/src/", "realms/src/", "authority/src/", "rest/src/", "server/src/"];

/// The traits that may exist.
const SEAMS: [&str; 4] = ["Engine", "Realm", "Clock", "Entropy"];

/// Beginnings of statements, as one writes them in capitals.
const SQL: [&str; 8] = [
    "SELECT ",
    "INSERT INTO",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "DROP TABLE",
    "ALTER TABLE",
    "ON CONFLICT",
];

/// Calls that reach the real clock or the real source of randomness.
const REAL_WORLD: [&str; 5] =
    ["SystemTime::now(", "Instant::now(", "Timestamp::now(", "getrandom::fill(", "clock_gettime("];

/// Digits of an HTTP status code.
const STATUS_DIGITS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walls::texts;

    fn found(path: &str, text: &str) -> Vec<String> {
        texts(&check(&[TextFile::new(path, text)]))
    }

    #[track_caller]
    fn refuses(path: &str, text: &str, part: &str) {
        let found = found(path, text);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    }

    #[test]
    fn sql_outside_its_file_is_refused() {
        let text = "let q = \"SELECT id FROM pairs\";";
        refuses("authority/src/users.rs", text, "SQL");
        assert!(found("store/src/engine/postgres.rs", text).is_empty());
    }

    #[test]
    fn words_of_sql_in_comments_are_words() {
        assert!(found("store/src/a.rs", "// SELECT is not used here.").is_empty());
    }

    #[test]
    fn a_status_code_outside_its_file_is_refused() {
        refuses("rest/src/routes/token.rs", "StatusCode::NOT_FOUND", "status code");
        refuses("rest/src/routes/token.rs", "StatusCode::from_u16(x)", "status code");
        refuses("server/src/listener.rs", "let status = 413;", "status code");
        assert!(found("rest/src/error.rs", "StatusCode::NOT_FOUND").is_empty());
    }

    #[test]
    fn success_and_other_numbers_are_no_status_codes() {
        assert!(found("rest/src/a.rs", "StatusCode::OK").is_empty());
        assert!(found("rest/src/a.rs", "let rows = 500;").is_empty());
    }

    #[test]
    fn a_fifth_trait_is_refused() {
        refuses("rest/src/a.rs", "pub trait Route {", "trait Route");
        refuses("store/src/a.rs", "    pub(crate) trait Table: Sized {", "trait Table");
        assert!(found("store/src/engine/mod.rs", "pub trait Engine: Send {").is_empty());
    }

    #[test]
    fn a_question_after_the_engine_is_refused() {
        refuses("authority/src/a.rs", "if store.is_embedded() {", "which engine");
    }

    #[test]
    fn a_real_clock_outside_its_file_is_refused() {
        refuses("store/src/a.rs", "let now = Instant::now();", "real clock");
        assert!(found("server/src/system.rs", "let now = Instant::now();").is_empty());
    }

    #[test]
    fn tests_may_say_anything() {
        let text = "#[cfg(test)]\nmod tests {\n    pub trait Probe {}\n}\n";
        assert!(found("store/src/a.rs", text).is_empty());
        assert!(found("store/tests/a.rs", "pub trait Probe {}").is_empty());
        assert!(found("testkit/src/a.rs", "pub trait Probe {}").is_empty());
    }
}
