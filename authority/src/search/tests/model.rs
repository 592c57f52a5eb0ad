//! People, queries and orders as a test writes them, and what they mean to a plain reader of the
//! rules.

use jeton_domain::name::{RoleName, Username};
use jeton_domain::value::{Map, Value};
use jeton_store::tables::users::UserRecord;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Person {
    pub(super) name: String,
    roles: Vec<String>,
    enabled: bool,
    full_name: Option<String>,
    email: Option<String>,
}

impl Person {
    pub(super) fn plain(name: &str) -> Self {
        let (roles, enabled) = (Vec::new(), true);
        Self { name: name.to_owned(), roles, enabled, full_name: None, email: None }
    }

    /// Gives them one more role.
    pub(super) fn join(&mut self, role: &str) {
        self.roles.push(role.to_owned());
    }

    /// Their first role.
    pub(super) fn role(&self) -> &str {
        &self.roles[0]
    }

    /// Gives them this full name.
    pub(super) fn name_fully(&mut self, name: &str) {
        self.full_name = Some(name.to_owned());
    }

    pub(super) fn record(&self) -> UserRecord {
        UserRecord {
            username: Username::new(&self.name),
            password_hash: None,
            roles: self.roles.iter().map(|role| RoleName::new(role)).collect(),
            full_name: self.full_name.clone(),
            email: self.email.clone(),
            metadata: Map::new(),
            enabled: self.enabled,
        }
    }

    /// The terms of a field, as a plain reader of the rules would find them.
    fn terms(&self, field: &str) -> Vec<String> {
        match field {
            "username" => vec![self.name.clone()],
            "roles" => self.roles.clone(),
            "enabled" => vec![self.enabled.to_string()],
            "full_name" => words(self.full_name.as_deref().unwrap_or_default()),
            _ => self.email.as_deref().map(parts).unwrap_or_default(),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn parts(email: &str) -> Vec<String> {
    let email = email.to_lowercase();
    let mut parts: Vec<String> = email.split('@').map(str::to_owned).collect();
    for is_part in [char::is_alphabetic as fn(char) -> bool, |char| char.is_ascii_digit()] {
        let mut run = String::new();
        for char in email.chars().chain(['@']) {
            if is_part(char) {
                run.push(char);
            } else if !run.is_empty() {
                parts.push(core::mem::take(&mut run));
            }
        }
    }
    parts.push(email);
    parts
}

/// A query as a test writes it, and what it means.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    All,
    Ids(Vec<String>),
    Term { field: &'static str, text: String, ignoring: bool },
    Terms { field: &'static str, texts: Vec<String> },
    Prefix { field: &'static str, text: String, ignoring: bool },
    Wildcard { field: &'static str, pattern: String, ignoring: bool },
    Exists { field: &'static str },
    Range { field: &'static str, lower: Option<(String, bool)>, upper: Option<(String, bool)> },
    Match { field: &'static str, text: String, all: bool },
    Bool { must: Vec<Self>, should: Vec<Self>, not: Vec<Self>, least: Option<Least> },
    Simple { pieces: Vec<Piece>, all: bool },
}

/// How many must match, as a number or as a percentage; below 0, how many need not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    number: i64,
    is_percent: bool,
}

impl Least {
    fn of(self, clauses: usize) -> i64 {
        let clauses = i64::try_from(clauses).unwrap();
        let number = if self.is_percent { clauses * self.number / 100 } else { self.number };
        if self.number < 0 { clauses + number } else { number }
    }

    fn to_value(self) -> Value {
        let Self { number, is_percent } = self;
        if is_percent { text(&format!("{number}%")) } else { Value::Integer(number) }
    }
}

/// A word of a simple query: how it is joined to those before it, whether `-` stands before it,
/// with a blank between them or not, and whether `*` stands behind it.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    joint: Option<char>,
    is_negated: bool,
    has_gap: bool,
    word: String,
    is_start: bool,
}

const FIELDS: [&str; 5] = ["username", "roles", "enabled", "full_name", "email"];

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| text(item)).collect())
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Ask {
    pub(super) fn to_value(&self) -> Value {
        let cased = |kind, field: &str, name, given: &str, ignoring: bool| {
            let long = map([(name, text(given)), ("case_insensitive", Value::Bool(ignoring))]);
            let under = if ignoring { long } else { text(given) };
            map([(kind, map([(field, under)]))])
        };
        match self {
            Self::All => map([("match_all", map([]))]),
            Self::Ids(names) => {
                let ids: Vec<_> = names.iter().map(|name| format!("user-{name}")).collect();
                map([("ids", map([("values", texts(&ids))]))])
            }
            Self::Term { field, text, ignoring } => cased("term", field, "value", text, *ignoring),
            Self::Terms { field, texts: items } => map([("terms", map([(field, texts(items))]))]),
            Self::Prefix { field, text, ignoring } => {
                cased("prefix", field, "value", text, *ignoring)
            }
            Self::Wildcard { field, pattern, ignoring } => {
                cased("wildcard", field, "wildcard", pattern, *ignoring)
            }
            Self::Exists { field } => map([("exists", map([("field", text(field))]))]),
            Self::Range { field, lower, upper } => {
                let mut ends = Map::new();
                for (end, names) in [(lower, ["gte", "gt"]), (upper, ["lte", "lt"])] {
                    if let Some((end, is_open)) = end {
                        ends.set(names[usize::from(*is_open)].to_owned(), text(end));
                    }
                }
                map([("range", map([(field, Value::Map(ends))]))])
            }
            Self::Match { field, text: given, all } => {
                let operator = text(if *all { "and" } else { "OR" });
                let long = map([("query", text(given)), ("operator", operator)]);
                map([("match", map([(field, long)]))])
            }
            Self::Bool { must, should, not, least } => {
                let list = |asks: &[Self]| Value::List(asks.iter().map(Self::to_value).collect());
                let mut body = Map::new();
                body.set("filter".to_owned(), list(must));
                body.set("should".to_owned(), list(should));
                body.set("must_not".to_owned(), list(not));
                if let Some(least) = least {
                    body.set("minimum_should_match".to_owned(), least.to_value());
                }
                map([("bool", Value::Map(body))])
            }
            Self::Simple { pieces, all } => {
                let written = pieces.iter().map(|piece| {
                    let Piece { joint, is_negated, has_gap, word, is_start } = piece;
                    let minus = match (is_negated, has_gap) {
                        (true, false) => "-",
                        (true, true) => "- ",
                        (false, _) => "",
                    };
                    let star = if *is_start { "*" } else { "" };
                    format!("{} {minus}{word}{star} ", joint.unwrap_or(' '))
                });
                let query: String = written.collect();
                let operator = text(if *all { "and" } else { "or" });
                map([(
                    "simple_query_string",
                    map([("query", text(&query)), ("default_operator", operator)]),
                )])
            }
        }
    }

    /// What the query means, person by person.
    pub(super) fn holds(&self, person: &Person) -> bool {
        let any = |field: &str, test: &dyn Fn(&str) -> bool| {
            person.terms(field).iter().any(|term| test(term))
        };
        let cased = |text: &str, ignoring: bool| {
            if ignoring { text.to_ascii_lowercase() } else { text.to_owned() }
        };
        match self {
            Self::All => true,
            Self::Ids(names) => names.contains(&person.name),
            Self::Term { field, text, ignoring } => {
                any(field, &|term| cased(term, *ignoring) == cased(text, *ignoring))
            }
            Self::Terms { field, texts } => {
                any(field, &|term| texts.iter().any(|text| text == term))
            }
            Self::Prefix { field, text, ignoring } => {
                any(field, &|term| cased(term, *ignoring).starts_with(&cased(text, *ignoring)))
            }
            Self::Wildcard { field, pattern, ignoring } => any(field, &|term| {
                fits(cased(pattern, *ignoring).as_bytes(), cased(term, *ignoring).as_bytes())
            }),
            Self::Exists { field } => any(field, &|_| true),
            Self::Range { field, lower, upper } => any(field, &|term| {
                lower
                    .as_ref()
                    .is_none_or(|(end, open)| term > end.as_str() || (!open && term == end))
                    && upper
                        .as_ref()
                        .is_none_or(|(end, open)| term < end.as_str() || (!open && term == end))
            }),
            Self::Match { field, text, all } => {
                // At one place of an address, each part stands for all of it.
                let asked: Vec<Vec<String>> = match *field {
                    "full_name" => words(text).into_iter().map(|word| vec![word]).collect(),
                    "email" => text.split(' ').filter(|part| !part.is_empty()).map(parts).collect(),
                    _ => vec![vec![text.clone()]],
                };
                let mut has = asked
                    .iter()
                    .map(|alike| any(field, &|term| alike.iter().any(|part| part == term)));
                !asked.is_empty() && if *all { has.all(|has| has) } else { has.any(|has| has) }
            }
            Self::Bool { must, should, not, least } => {
                let held = should.iter().filter(|ask| ask.holds(person)).count();
                // Where nothing must match, something that should must, whatever else is said.
                (!must.is_empty() || should.is_empty() || held > 0)
                    && least
                        .is_none_or(|least| i64::try_from(held).unwrap() >= least.of(should.len()))
                    && must.iter().all(|ask| ask.holds(person))
                    && !not.iter().any(|ask| ask.holds(person))
            }
            Self::Simple { pieces, all } => {
                let mut so_far: Option<bool> = None;
                for piece in pieces {
                    let here =
                        FIELDS.iter().any(|field| any(field, &|term| piece.asks(field, term)));
                    let here = here != (piece.is_negated && !piece.has_gap);
                    so_far = Some(match (so_far, piece.joint, all) {
                        (None, _, _) => here,
                        (Some(before), Some('+'), _) | (Some(before), None, true) => before && here,
                        (Some(before), _, _) => before || here,
                    });
                }
                so_far.unwrap_or(false)
            }
        }
    }
}

impl Piece {
    fn asks(&self, field: &str, term: &str) -> bool {
        let is_text = field == "full_name" || field == "email";
        let word = if is_text { self.word.to_lowercase() } else { self.word.clone() };
        if self.is_start {
            return field != "enabled" && term.starts_with(&word);
        }
        if field == "email" {
            return parts(&self.word).iter().any(|part| part == term);
        }
        term == word
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        (Some((b'\\', rest)), _) => {
            let (wanted, rest) = rest.split_first().unwrap_or((&b'\\', rest));
            text.split_first().is_some_and(|(found, text)| wanted == found && fits(rest, text))
        }
        (Some((wanted, rest)), Some((found, text))) => {
            (*wanted == b'?' || wanted == found) && fits(rest, text)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// An order as a test writes it.
#[derive(Clone, Debug)]
pub(super) struct Ordering {
    pub(super) field: &'static str,
    pub(super) descends: bool,
    pub(super) missing_first: bool,
}

impl Ordering {
    pub(super) fn to_value(&self) -> Value {
        let order = text(if self.descends { "desc" } else { "asc" });
        let missing = text(if self.missing_first { "_first" } else { "_last" });
        map([(self.field, map([("order", order), ("missing", missing)]))])
    }

    pub(super) fn compare(&self, left: &Person, right: &Person) -> core::cmp::Ordering {
        let value = |person: &Person| {
            let terms = person.terms(self.field);
            if self.descends { terms.into_iter().max() } else { terms.into_iter().min() }
        };
        let is_first = self.missing_first;
        let absent =
            if is_first { core::cmp::Ordering::Less } else { core::cmp::Ordering::Greater };
        match (value(left), value(right)) {
            (None, None) => core::cmp::Ordering::Equal,
            (None, Some(_)) => absent,
            (Some(_), None) => absent.reverse(),
            (Some(left), Some(right)) if self.descends => right.cmp(&left),
            (Some(left), Some(right)) => left.cmp(&right),
        }
    }
}

pub(super) fn name() -> impl Strategy<Value = String> {
    "[abAB]{1,3}"
}

pub(super) fn people() -> impl Strategy<Value = Vec<Person>> {
    let person = (
        name(),
        vec("[ab]{1,2}", 0..3),
        any::<bool>(),
        proptest::option::of("[abAB]{1,2}( [ab]{1,2}){0,2}"),
        proptest::option::of("[abA]{1,2}[0-9]?@[ab]\\.org"),
    );
    let person = person.prop_map(|(name, roles, enabled, full_name, email)| Person {
        name,
        roles,
        enabled,
        full_name,
        email,
    });
    vec(person, 0..24)
}

pub(super) fn asks() -> impl Strategy<Value = Ask> {
    let field = || proptest::sample::select(vec!["username", "roles", "full_name", "email"]);
    let given = || prop_oneof![3 => "[abAB]{1,2}", 1 => "[ab]@[ab]\\.org", 1 => "org"];
    let end = || proptest::option::of(("[abAB]{0,2}", any::<bool>()));
    let piece = (
        proptest::option::of(proptest::sample::select(vec!['+', '|'])),
        any::<bool>(),
        any::<bool>(),
        // No signs in between: each word is one, whatever the field.
        prop_oneof![3 => "[abAB]{1,2}", 1 => "org"],
        any::<bool>(),
    );
    let piece = piece.prop_map(|(joint, is_negated, has_gap, word, is_start)| Piece {
        joint,
        is_negated,
        has_gap,
        word,
        is_start,
    });
    let leaf = prop_oneof![
        Just(Ask::All),
        vec(name(), 0..4).prop_map(Ask::Ids),
        (field(), given(), any::<bool>()).prop_map(|(field, text, ignoring)| Ask::Term {
            field,
            text,
            ignoring
        }),
        any::<bool>().prop_map(|flag| {
            Ask::Term { field: "enabled", text: flag.to_string(), ignoring: false }
        }),
        (field(), vec(given(), 0..4)).prop_map(|(field, texts)| Ask::Terms { field, texts }),
        (field(), "[abAB]{0,2}", any::<bool>()).prop_map(|(field, text, ignoring)| Ask::Prefix {
            field,
            text,
            ignoring
        }),
        (field(), r"[abA?*\\]{0,4}", any::<bool>())
            .prop_map(|(field, pattern, ignoring)| Ask::Wildcard { field, pattern, ignoring }),
        proptest::sample::select(FIELDS.to_vec()).prop_map(|field| Ask::Exists { field }),
        (field(), end(), end()).prop_map(|(field, lower, upper)| Ask::Range {
            field,
            lower,
            upper
        }),
        (flags(), flags()).prop_map(|(lower, upper)| Ask::Range { field: "enabled", lower, upper }),
        (field(), "([abA]{1,2}){0,1}( [ab]{1,2}){0,2}", any::<bool>())
            .prop_map(|(field, text, all)| Ask::Match { field, text, all }),
        (vec(piece, 0..4), any::<bool>()).prop_map(|(pieces, all)| Ask::Simple { pieces, all }),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        (
            vec(inner.clone(), 0..3),
            vec(inner.clone(), 0..3),
            vec(inner, 0..2),
            proptest::option::of(least()),
        )
            .prop_map(|(must, should, not, least)| Ask::Bool { must, should, not, least })
    })
}

fn flags() -> impl Strategy<Value = Option<(String, bool)>> {
    let flag = (any::<bool>(), any::<bool>());
    proptest::option::of(flag.prop_map(|(flag, is_open)| (flag.to_string(), is_open)))
}

fn least() -> impl Strategy<Value = Least> {
    let number = prop_oneof![-3_i64..4, Just(0)];
    let percent = proptest::sample::select(vec![-100_i64, -50, -34, 0, 25, 50, 99, 100, 150]);
    prop_oneof![
        number.prop_map(|number| Least { number, is_percent: false }),
        percent.prop_map(|number| Least { number, is_percent: true }),
    ]
}

pub(super) fn orders() -> impl Strategy<Value = Vec<Ordering>> {
    let field = proptest::sample::select(vec!["username", "roles", "enabled"]);
    let order = (field, any::<bool>(), any::<bool>());
    let order = order.prop_map(|(field, descends, missing_first)| Ordering {
        field,
        descends,
        missing_first,
    });
    vec(order, 0..3)
}
