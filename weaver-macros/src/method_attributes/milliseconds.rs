//! [`Milliseconds`]: a duration as an attribute has it, such as `"2s"`.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::LitStr;

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// 49 days: about what 32 bits hold, and longer than any call is waited for.
const MILLISECONDS_MAX: u64 = 49 * 24 * 3_600_000;

const NOT_ONE: &str = "write a whole number and `ms`, `s`, `m` or `h`, such as `\"2s\"`";
const TOO_SHORT: &str = "a duration begins at a millisecond: write `\"1ms\"` or more";
const TOO_LONG: &str = "a duration ends at 49 days: write `\"1176h\"` or less";

/// A duration of at least 1 ms and at most 49 days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Milliseconds(u64);

impl Milliseconds {
    pub(super) fn parse(literal: &LitStr) -> syn::Result<Self> {
        Self::read(&literal.value()).map_err(|message| syn::Error::new(literal.span(), message))
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let Some((_, unit)) = unit.filter(|_| !number.is_empty()) else {
            return Err(NOT_ONE);
        };
        // A number that does not fit is not a mistake of its own: it is too long, too.
        match number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*unit) {
            0 => Err(TOO_SHORT),
            it @ 1..=MILLISECONDS_MAX => Ok(Self(it)),
            _ => Err(TOO_LONG),
        }
    }
}

impl ToTokens for Milliseconds {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append(Literal::u64_unsuffixed(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        let cases = [
            ("1ms", 1),
            ("50ms", 50),
            ("2s", 2000),
            ("007s", 7000),
            ("3m", 180_000),
            ("1h", 3_600_000),
            ("1176h", MILLISECONDS_MAX),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(Milliseconds::read(text), Ok(Milliseconds(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_told_what_to_write() {
        let words = ["", "2", "s", "2 s", " 2s", "2S", "1.5s", "-1s", "+1s", "1m30s", "2sec", "٣s"];
        for text in words {
            assert_eq!(Milliseconds::read(text), Err(NOT_ONE), "{text}");
        }
        assert_eq!(Milliseconds::read("0s"), Err(TOO_SHORT));
        for text in ["1177h", "4233600001ms", "99999999999999999999h", "9999999999999999999h"] {
            assert_eq!(Milliseconds::read(text), Err(TOO_LONG), "{text}");
        }
    }
}
