//! `minimum_should_match`: how many of some clauses must match.
//!
//! A number, a percentage, each negative too for "all but", or a list of conditions such as
//! `2<-25% 9<-3`: above so many clauses, the part behind the sign holds.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::scalar;
use super::refusal::QueryRefusal;
use crate::value::Value;

/// How many of some clauses must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Minimum(String);

impl Minimum {
    /// Reads it.
    pub(super) fn parse(value: &Value) -> Result<Self, QueryRefusal> {
        let text = scalar(value).unwrap_or_default();
        // Blanks may stand around a sign, not within a condition otherwise.
        let parts: Vec<&str> = text.split('<').map(str::trim).collect();
        let minimum = Self(parts.join("<"));
        if minimum.of(0).is_none() {
            return QueryRefusal::not_allowed(format!("For input string: \"{text}\""));
        }
        Ok(minimum)
    }

    /// How many of so many clauses must match.
    pub(super) fn among(&self, clauses: usize) -> usize {
        let clauses = i64::try_from(clauses).unwrap_or(i64::MAX);
        usize::try_from(self.of(clauses).unwrap_or(clauses)).unwrap_or(0)
    }

    fn of(&self, clauses: i64) -> Option<i64> {
        if !self.0.contains('<') {
            return part(&self.0, clauses);
        }
        // Every condition is read, so that a text is refused whatever it is used for.
        let mut found = clauses;
        let mut is_found = false;
        for condition in self.0.split_whitespace() {
            let (above, then) = condition.split_once('<')?;
            let (above, then) = (above.parse::<i64>().ok()?, part(then, clauses)?);
            is_found = is_found || clauses <= above;
            if !is_found {
                found = then;
            }
        }
        Some(found)
    }
}

fn part(text: &str, clauses: i64) -> Option<i64> {
    let (given, number) = if let Some(percent) = text.strip_suffix('%') {
        let percent = i64::from(percent.trim().parse::<i32>().ok()?);
        (percent, clauses.saturating_mul(percent).checked_div(100)?)
    } else {
        let number = i64::from(text.trim().parse::<i32>().ok()?);
        (number, number)
    };
    let wanted = if given < 0 { clauses.saturating_add(number) } else { number };
    Some(wanted.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn a_minimum_is_a_number_a_part_or_a_condition() {
        let check = |text: &str, clauses: usize, wanted: usize| {
            let minimum = Minimum::parse(&Value::Text(text.to_owned())).unwrap();
            assert_eq!(minimum.among(clauses), wanted, "{text} of {clauses}");
        };
        check("2", 5, 2);
        check("-2", 5, 3);
        check("-9", 5, 0);
        check("75%", 5, 3);
        check("-25%", 5, 4);
        check("-50%", 1, 1);
        check("-0", 5, 0);
        check("3<90%", 3, 3);
        check("3<90%", 10, 9);
        check("2<-25% 9<-3", 2, 2);
        check("2<-25% 9<-3", 9, 7);
        check("2<-25% 9<-3", 10, 7);
        check(" 2 < -25%  9 <-3 ", 9, 7);
        for odd in ["", "x", "2<", "x<2", "1 2"] {
            let refused = Minimum::parse(&Value::Text(odd.to_owned())).unwrap_err();
            assert_eq!(format!("{refused}"), format!("For input string: \"{odd}\""));
        }
        assert_eq!(Minimum::parse(&Value::Integer(3)).unwrap().among(9), 3);
    }
}
