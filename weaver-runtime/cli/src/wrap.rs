//! Text as people read it: in lines that fit a terminal, with numbers and their nouns.

/// Fits a terminal of 100 columns with a margin, and can still be read in one of 80, which breaks few
/// lines.
const LINE_CHARS_MAX: usize = 96;

/// `text` in lines that begin, after the first, with `indent` spaces; the first is taken to stand behind
/// as many characters. A word that is too long for any line gets one of its own.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > LINE_CHARS_MAX {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

/// A number and its noun.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_and_not_longer() {
        let text = vec!["1234567"; 13].join(" ");
        let wrapped = wrap(&text, 0);
        let lengths: Vec<_> = wrapped.lines().map(str::len).collect();
        assert_eq!(lengths, [95, 7]);
        assert_eq!(wrap(&text, 1).lines().map(str::len).collect::<Vec<_>>(), [95, 8]);
        assert_eq!(wrap(&text, 2).lines().map(str::len).collect::<Vec<_>>(), [87, 17]);
    }

    #[test]
    fn a_long_word_is_not_broken() {
        let long = "x".repeat(200);
        assert_eq!(wrap(&format!("a {long} b"), 2), format!("a\n  {long}\n  b"));
        assert_eq!(wrap("", 2), "");
    }
}
