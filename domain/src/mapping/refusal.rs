//! Why a role mapping is refused, in the words of the wire.

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::limits::ROLE_TEMPLATES_MAX;
use crate::role::pattern::PatternRefusal;
use crate::role::refusal::Token;
use crate::role::validation::RoleViolation;

/// Why a value is not a role mapping.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingRefusal {
    /// A member is missing (`parsing_exception`).
    #[error("failed to parse role-mapping [{mapping}]. missing field [{field}]")]
    MissingField {
        /// The name of the mapping.
        mapping: String,
        /// The member.
        field: &'static str,
    },
    /// The form is wrong (`x_content_parse_exception`).
    #[error(transparent)]
    Form(#[from] FormRefusal),
    /// The rules are wrong (`parse_exception`).
    #[error(transparent)]
    Rules(#[from] RuleRefusal),
    /// A template is wrong (`illegal_argument_exception`, unless it is the form of it).
    #[error(transparent)]
    Template(#[from] TemplateRefusal),
    /// What it says is not legal (`action_request_validation_exception`); never empty.
    #[error("Validation Failed")]
    Invalid(Vec<MappingViolation>),
}

/// Why members of an object are not what they should be (`x_content_parse_exception`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormRefusal {
    /// It is not an object.
    #[error("[{parser}] Expected START_OBJECT but was: {found}")]
    NotAnObject {
        /// What is read.
        parser: &'static str,
        /// What stands there.
        found: Token,
    },
    /// There is no such member.
    #[error("[{parser}] unknown field [{field}]")]
    UnknownField {
        /// What is read.
        parser: &'static str,
        /// The member.
        field: String,
    },
    /// A member is of the wrong kind.
    #[error("[{parser}] {field} doesn't support values of type: {found}")]
    WrongKind {
        /// What is read.
        parser: &'static str,
        /// The member.
        field: &'static str,
        /// What stands there.
        found: Token,
    },
    /// A member that must be there is missing.
    #[error("Required [{0}]")]
    Missing(&'static str),
    /// The word for a truth value is none.
    #[error("Failed to parse value [{0}] as only [true] or [false] are allowed.")]
    NotABoolean(String),
    /// There is no such format.
    #[error("Invalid format [{0}] expected one of [json,string]")]
    Format(String),
}

/// One thing in a role mapping that is not legal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingViolation {
    /// The name is empty.
    #[error("role-mapping name is missing")]
    Name,
    /// It gives no roles.
    #[error("role-mapping roles or role-templates are missing")]
    NoRoles,
    /// It gives both roles and templates of them.
    #[error("role-mapping cannot have both roles and role-templates")]
    BothRoles,
    /// There are too many templates.
    #[error("role-mapping cannot have more than [{ROLE_TEMPLATES_MAX}] role-templates")]
    TooManyTemplates,
    /// The name of a role is malformed.
    #[error(transparent)]
    Role(RoleViolation),
    /// A key of the metadata is reserved.
    #[error("metadata keys may not start with [_]")]
    Metadata,
}

/// Why a value is not a rule (`parse_exception`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleRefusal {
    /// An object has more than one member.
    #[error("failed to parse rules expression. object [{object}] contains multiple fields")]
    Several {
        /// The object.
        object: String,
    },
    /// An object has no members.
    #[error("failed to parse rules expression. object [{object}] does not contain any fields")]
    Empty {
        /// The object.
        object: String,
    },
    /// A member is legal elsewhere only.
    #[error("failed to parse rules expression. field [{field}] is not allowed within [{object}]")]
    NotAllowed {
        /// The member.
        field: String,
        /// Where it stands.
        object: String,
    },
    /// There is no such member.
    #[error(
        "failed to parse rules expression. field [{field}] is not recognised in object [{object}]"
    )]
    Unknown {
        /// The member.
        field: String,
        /// Where it stands.
        object: String,
    },
    /// A member is not a list.
    #[error("failed to parse rules expression. field [{field}] requires an array")]
    NotAList {
        /// The member.
        field: String,
    },
    /// A value is none that a field can have.
    #[error("failed to parse rules expression. expected a field value but found [{found}] instead")]
    NotAValue {
        /// What stands there.
        found: Token,
    },
    /// What should be an object is none.
    #[error(
        "failed to parse rules expression. expected [{object}] to be an object but found [{found}] \
         instead"
    )]
    NotAnObject {
        /// What it is called.
        object: String,
        /// What stands there.
        found: Token,
    },
    /// A field is to have one of no values.
    #[error("failed to parse rules expression. null or empty values for field [{field}]")]
    NoValues {
        /// The field.
        field: String,
    },
    /// A number does not fit.
    #[error("failed to parse rules expression. number [{0}] is out of range")]
    NumberTooLarge(String),
    /// A pattern cannot be read.
    #[error("failed to parse rules expression. {0}")]
    Pattern(#[from] PatternRefusal),
    /// Rules stand too deep within rules.
    #[error("failed to parse rules expression. the rules are nested too deeply")]
    TooDeep,
    /// There are too many rules and values.
    #[error("failed to parse rules expression. there are too many rules and values")]
    TooLarge,
    /// There are too many patterns, or too large ones.
    #[error("failed to parse rules expression. the patterns are too large")]
    TooManyPatterns,
}

/// Why a template of roles is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateRefusal {
    /// Its form is wrong (`x_content_parse_exception`).
    #[error(transparent)]
    Form(#[from] FormRefusal),
    /// Its text is not that of an object in JSON (`x_content_parse_exception`).
    #[error("the template is not a JSON object")]
    NotJson,
    /// It names neither a source nor a script, or both.
    #[error("must specify either [source] for an inline script or [id] for a stored script")]
    NoSource,
    /// It names a stored script, and there are none.
    #[error("unable to find script [{0}]: scripts are not stored here, give the [source] instead")]
    Stored(String),
    /// It is in another language.
    #[error("script_lang not supported [{0}]")]
    Language(String),
    /// It has an option that is not known.
    #[error("illegal compiler options [{0}] specified")]
    Options(String),
    /// Its source cannot be read.
    #[error("compile error: {0}")]
    Source(#[from] MustacheRefusal),
    /// It cannot be rendered, not even without a user.
    #[error(transparent)]
    Failure(#[from] TemplateFailure),
}

/// Why the source of a template cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MustacheRefusal {
    /// A tag is not closed.
    #[error("improperly closed variable [{0}]")]
    UnclosedTag(String),
    /// A tag names nothing.
    #[error("empty tag")]
    EmptyTag,
    /// A section is not closed.
    #[error("failed to close [{0}] tag")]
    UnclosedSection(String),
    /// A section is closed that is not the innermost open one.
    #[error("mismatched start and end tags: [{open}] and [{close}]")]
    Mismatch {
        /// The innermost open section; empty if none is.
        open: String,
        /// The one that is closed.
        close: String,
    },
    /// New delimiters are not two words.
    #[error("invalid delimiters [{0}]")]
    Delimiters(String),
    /// A tag is of a kind that is not supported.
    #[error("tags like [{0}] are not supported")]
    Unsupported(String),
    /// A function that works on one name is given something else.
    #[error("mustache function [{0}] must contain one and only one identifier")]
    Argument(String),
    /// Sections stand too deep within sections.
    #[error("sections are nested too deeply")]
    TooDeep,
    /// It is too long.
    #[error("the template is too long")]
    TooLong,
}

/// Why a mapping gives a user no roles, although it may be for them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingFailure {
    /// It takes too long to tell whether the user fits the rules.
    #[error("the rules take too many steps")]
    TooManySteps,
    /// A template gives none.
    #[error(transparent)]
    Template(#[from] TemplateFailure),
}

/// Why a template gives no roles for a user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateFailure {
    /// Its text is to be JSON and says something other than texts.
    #[error("Roles template must generate a string or an array of strings, but found [{0}]")]
    NotRoles(Token),
    /// Its text is to be JSON and holds something other than texts.
    #[error("Roles array may only contain strings but found [{0}]")]
    NotARole(Token),
    /// Its text is to be JSON and is not.
    #[error("Roles template must generate JSON")]
    NotJson,
    /// Its text would be too long.
    #[error("the text of the template would be too long")]
    TooLong,
    /// Rendering it takes too many steps, or with the other templates of the mapping.
    #[error("the templates take too many steps")]
    TooManySteps,
}
