//! Every limit of the product: number, unit, reason.
//!
//! Start here when you wonder how much of something is allowed. Settings may narrow some of these;
//! none may widen them.

use core::time::Duration;

/// Lifetime of a refresh token, in milliseconds: 24 h from the creation of its pair.
///
/// Fixed by the wire: clients plan daily sessions around it, and it is not configurable there.
pub const REFRESH_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// Window in which a repeated refresh returns the same strings, in milliseconds.
///
/// Fixed by the wire: clients that refresh from several workers rely on it.
pub const REFRESH_WINDOW_MS: i64 = 30_000;

/// Shortest lifetime of an access token, in milliseconds.
pub const ACCESS_LIFETIME_MS_MIN: i64 = 1_000;

/// Longest lifetime of an access token, in milliseconds: one hour, as on the wire.
pub const ACCESS_LIFETIME_MS_MAX: i64 = 60 * 60 * 1000;

/// Default lifetime of an access token, in milliseconds: 20 minutes, as on the wire.
pub const ACCESS_LIFETIME_MS_DEFAULT: i64 = 20 * 60 * 1000;

/// Age after which a stored pair may be removed, in milliseconds.
///
/// Never below [`REFRESH_LIFETIME_MS`], else "expired" would turn into "unknown" on the wire.
pub const PAIR_KEPT_MS: i64 = REFRESH_LIFETIME_MS;

/// Length of one segment of stored pairs, in milliseconds: one hour.
pub const SEGMENT_MS: i64 = 60 * 60 * 1000;

/// Monotonic time between the mark and the drop of a segment, in milliseconds.
///
/// One wall clock that jumps must destroy nothing: the jump has to hold for this long.
pub const SEGMENT_DROP_DELAY_MS: i64 = 60 * 60 * 1000;

/// Jump of the wall clock that is ignored at first, in milliseconds, in either direction.
pub const CLOCK_JUMP_MS: i64 = 60_000;

/// How long a jump of the wall clock must hold before it is believed, in milliseconds of boot time.
pub const CLOCK_JUMP_HOLD_MS: i64 = 10 * 60 * 1000;

/// How far behind the stored high-water mark a start is accepted, in milliseconds: one day.
pub const CLOCK_BEHIND_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// Longest user or role name that the API stores, in characters, as on the wire.
pub const STORED_NAME_CHARS_MAX: usize = 507;

/// Longest user or role name that is read from files or referenced, in characters.
pub const NAME_CHARS_MAX: usize = 1024;

/// Shortest password, in characters, as on the wire.
pub const PASSWORD_CHARS_MIN: usize = 6;

/// Longest password that is hashed, in bytes: bounds the work of one login.
pub const PASSWORD_BYTES_MAX: usize = 4096;

/// Largest record of a user, of a role, and of a role mapping, in bytes: what is merged into it
/// again and again must not make it grow without end, and roles and mappings are held in memory.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Most roles that one request puts or removes: they are decided and committed together.
pub const BULK_ROLES_MAX: usize = 1_000;

/// Largest size of all roles that one request puts, in bytes: they are one batch, which must fit
/// into a journal.
pub const BULK_ROLES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest subject that a token carries, in canonical bytes: roles, metadata and descriptors.
pub const SUBJECT_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of a value tree: bounds recursion on outside input.
pub const VALUE_DEPTH_MAX: usize = 64;

/// Times that a decision is taken again after a conflict before the answer is "try later".
///
/// More than the requests that one key can sensibly attract at once: each conflict means that one
/// of them went through.
pub const TRANSACT_ATTEMPTS_MAX: u32 = 1_000;

/// Rows that one page of a scan returns at most: bounds memory and the time a walk holds a core.
pub const SCAN_ROWS_MAX: usize = 1_000;

/// Named changes that a cache remembers to decide whether a read raced with a commit.
///
/// A table for what comes and goes has room for twice as many, and has 2^17 slots for up to
/// 114,688: for twice 65,536 it would have twice the slots.
pub const RECENT_CHANGES_MAX: usize = 50_000;

/// Batch ids that an engine remembers to recognise a repeated batch: as many as
/// [`RECENT_CHANGES_MAX`], for the same reason.
pub const BATCH_IDS_MAX: usize = 50_000;

/// Commits that may wait for the commit thread at once; beyond it the answer is "try later".
pub const COMMIT_QUEUE_MAX: usize = 65_536;

/// Length of the text of a token, in characters, prefix included.
pub const TOKEN_CHARS: usize = 48;

/// Default bound of the coherent cache, in bytes.
pub const CACHE_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;

/// Free disk space below which no new token is granted, in bytes; revocation goes on.
pub const DISK_RESERVE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// Most values in one JSON tree: bounds memory and the search for members, which is linear.
pub const JSON_NODES_MAX: usize = 10_000;

/// Longest JSON number, in characters: bounds the work of its conversion.
pub const JSON_NUMBER_CHARS_MAX: usize = 1_000;

/// Levels of an answer around the deepest value that it holds, which is of [`VALUE_DEPTH_MAX`].
pub const ANSWER_LEVELS: usize = 8;

/// Most query parameters of one request: bounds the work of looking them up.
pub const QUERY_PARAMETERS_MAX: usize = 1_024;

/// Most patterns of one `filter_path`: bounds the work that a member of the body causes.
pub const FILTER_PATTERNS_MAX: usize = 64;

/// Longest unknown name that is compared with known ones, in bytes: bounds the work it can cause.
pub const SUGGESTED_FOR_BYTES_MAX: usize = 256;

/// Deepest nesting of the rules of a role mapping: bounds recursion.
pub const RULE_DEPTH_MAX: usize = 32;

/// Most rules and values in the rules of one role mapping: bounds the work for one user.
pub const RULE_PARTS_MAX: usize = 10_000;

/// Largest size of all patterns in the rules of one role mapping, in characters of wildcards and
/// steps of regular expressions: bounds memory, and the work for one character of a user's texts.
pub const RULE_PATTERNS_SIZE_MAX: usize = 50_000;

/// Most steps that it takes to tell whether a user fits the rules of one role mapping.
///
/// A step looks at one character, or at one position of a regular expression. That is about half a
/// second on a slow core, and what several dozen patterns take for a user with 10,000 groups.
pub const RULE_STEPS_MAX: usize = 200_000_000;

/// Most templates of one role mapping: bounds what is copied to render them all.
pub const ROLE_TEMPLATES_MAX: usize = 100;

/// Longest source of a role template, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of sections in a role template: bounds recursion.
pub const TEMPLATE_DEPTH_MAX: usize = 32;

/// Most parts of the templates of one role mapping that are rendered for one user, repetitions
/// counted, and with them the searches for what they name.
pub const TEMPLATE_STEPS_MAX: usize = 100_000;

/// Longest text that a role template renders, in bytes: bounds memory.
pub const TEMPLATE_TEXT_BYTES_MAX: usize = 64 * 1024;

/// How long a health request waits that asks for a state and does not say how long.
pub const HEALTH_WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// How long a health request may wait at most: bounds what waiting callers hold.
pub const HEALTH_WAIT_MAX: Duration = Duration::from_mins(5);

/// How often the state is looked at while a health request waits for it.
pub const HEALTH_STEP: Duration = Duration::from_millis(100);

/// Deepest nesting of a search's query, brackets in its texts included: bounds recursion, as on the
/// wire.
pub const QUERY_DEPTH_MAX: usize = 30;

/// Most clauses of a search's query: bounds the work that one document causes, as on the wire.
pub const QUERY_CLAUSES_MAX: usize = 1_024;

/// Hits that one answer of a search holds unless the request says how many, as on the wire.
pub const SEARCH_SIZE_DEFAULT: usize = 10;

/// How far a search may page by position, in hits, as on the wire: bounds what one answer holds.
pub const SEARCH_WINDOW_MAX: usize = 10_000;

/// Sort keys of one search at most: bounds what each hit is compared by.
pub const SEARCH_SORT_KEYS_MAX: usize = 16;

/// Words of one text that a search finds; the rest is kept and shown, but not found.
pub const INDEXED_WORDS_MAX: usize = 1_000;

/// Bytes of texts of one document by which a search finds it; the rest is kept and shown, but not
/// found.
///
/// Bounds memory: names of members far up in a tree are part of every text below them.
pub const INDEXED_BYTES_MAX: usize = 1024 * 1024;

/// Longest word that a search finds, in characters, as on the wire; a longer one is cut into
/// several.
pub const INDEXED_WORD_CHARS_MAX: usize = 255;

/// Changed rows that an index of a search notes; beyond it, it is filled anew at the next search.
pub const SEARCH_CHANGES_MAX: usize = 10_000;

/// Rows that a search reads before it lets other requests go on.
pub const SEARCH_ROWS: usize = 128;

/// Steps that a search takes before it lets other requests go on: about two milliseconds.
pub const SEARCH_TURN_STEPS: usize = 500_000;

/// Most steps that it may take to compare one document with a search: about ten milliseconds.
///
/// A search that needs more is refused: some patterns take as many steps as both sides multiplied.
pub const SEARCH_DOCUMENT_STEPS_MAX: usize = 3_000_000;

/// Most steps that it may take to compare all documents with one search: some twenty seconds.
///
/// A search that needs more is refused. A thousand patterns for 100,000 users stay below it.
pub const SEARCH_STEPS_MAX: usize = 4_000_000_000;

/// Memory that the index of a search may take, in bytes, as far as it can be told from its terms.
///
/// Some 600,000 ordinary users. What does not fit is read from the store at each search.
pub const SEARCH_INDEX_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// How often a search is tried anew because hits changed before they were read; then those that do
/// not match any more are left out.
pub const SEARCH_ATTEMPTS_MAX: u32 = 10;

/// Most work that one request may cause to compare patterns, in positions looked at.
///
/// Bounds time and memory: some patterns cannot be compared in less than exponential time. It holds
/// a thread that other requests wait for, for about a thirtieth of a second; a hundred times what
/// the roles of people need.
pub const COVERAGE_STEPS_MAX: usize = 1_000_000;

/// Largest size of all regular expressions of one role, in steps: bounds the memory they take, and
/// the work of reading them.
pub const ROLE_PATTERNS_SIZE_MAX: usize = 50_000;

/// Most answers that one check of privileges may ask for: each name with each privilege is one.
pub const PRIVILEGE_CHECKS_MAX: usize = 50_000;

/// Bytes of names that the answer to one check of privileges repeats at most: each privilege is
/// named for each index or resource again, so a small request could ask for a huge answer.
pub const PRIVILEGE_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Privileges of applications that one request puts at most: some times what a large client puts.
pub const APPLICATION_PRIVILEGES_MAX: usize = 10_000;

/// Actions of all privileges of one request at most: many times what a large client puts.
pub const APPLICATION_ACTIONS_MAX: usize = 500_000;

/// Longest name of an application and of a privilege in it, together, in bytes: they are one key.
pub const APPLICATION_NAMES_BYTES_MAX: usize = 480;

/// Broken rules that one refusal tells at most: bounds an answer that is longer than its question.
pub const VIOLATIONS_MAX: usize = 100;

/// Bytes of the names of settings in one request at most: a name tells the whole way to its value,
/// and many values may have a long way in common.
pub const SETTING_NAMES_BYTES_MAX: usize = 64 * 1024;

/// Bytes that the privileges of one request take at most: they are one commit, and others wait for
/// it.
pub const APPLICATION_PRIVILEGES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Longest term that a search finds, in bytes, as on the wire; a longer one is kept and shown.
pub const INDEXED_TERM_BYTES_MAX: usize = 32_766;

/// Longest pattern of a wildcard query, in bytes: bounds the work of fitting one term to it.
pub const QUERY_PATTERN_BYTES_MAX: usize = 1_024;
