//! Display names: what a player typed, made safe to show to others.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Most visible characters (grapheme clusters) in a name.
const MAX_GRAPHEMES: usize = 16;

/// Most bytes in a name: a grapheme can be a tower of combining marks.
const MAX_BYTES: usize = 64;

/// The name in NFC without control, bidirectional or zero-width characters, white space folded, cut to 16 graphemes.
/// May be empty.
pub(super) fn clean(typed: &str) -> String {
    let visible: String = typed.nfc().filter(|c| !is_hidden(*c)).collect();
    let folded = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut name = String::new();
    for grapheme in folded.graphemes(true).take(MAX_GRAPHEMES) {
        if name.len() + grapheme.len() > MAX_BYTES {
            break;
        }
        name.push_str(grapheme);
    }
    name.truncate(name.trim_end().len());
    name
}

/// Characters that show nothing, or that change how their neighbours show.
fn is_hidden(c: char) -> bool {
    let bidi_or_zero_width = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    bidi_or_zero_width || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn names_are_trimmed_folded_and_cut() {
        assert_eq!(clean("  Ada \t Lovelace\n"), "Ada Lovelace");
        assert_eq!(clean("0123456789abcdefXYZ"), "0123456789abcdef");
        assert_eq!(clean("\u{202e}evil\u{200b}\u{7}"), "evil");
        assert_eq!(clean("\u{200b}\u{2066}"), "");
        assert_eq!(clean("e\u{301}"), "é");
        assert_eq!(clean("👩‍🚀👩‍🚀").chars().next(), Some('👩'));
    }

    #[test]
    fn a_tower_of_marks_is_bounded() {
        assert!(clean(&format!("a{}", "\u{300}".repeat(500))).len() <= 64);
    }
}
