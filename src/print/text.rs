//! Text layout for print: characters that the font has, lines that fit, runs in visual order.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use std::{collections::BTreeSet, ops::Range, sync::LazyLock};
use unicode_bidi::BidiInfo;
use unicode_linebreak::linebreaks;
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Replaces a character that the font does not have.
pub const MISSING: char = '\u{25A1}';

/// A font: the font program for the PDF, and its glyphs for measuring.
pub struct Face {
    pub font: Font,
    shapes: rustybuzz::Face<'static>,
    units: f32,
}

impl Face {
    #[expect(clippy::expect_used, reason = "the fonts are compiled in, and a unit test reads them")]
    fn read(bytes: &'static [u8]) -> Self {
        let shapes = rustybuzz::Face::from_slice(bytes, 0).expect("a font");
        let font = Font::new(bytes.into(), 0).expect("a font");
        Self { units: font.units_per_em(), font, shapes }
    }
    fn has(&self, c: char) -> bool {
        self.shapes.glyph_index(c).is_some()
    }
}

pub static REGULAR: LazyLock<Face> = LazyLock::new(|| Face::read(include_bytes!("fonts/DejaVuSans.ttf")));
pub static BOLD: LazyLock<Face> = LazyLock::new(|| Face::read(include_bytes!("fonts/DejaVuSans-Bold.ttf")));

/// Characters that only change the appearance of the character before them.
const fn is_hint(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The text in characters that the font has: the same ones, their compatibility forms, or else [`MISSING`].
pub fn printable(text: &str, face: &Face) -> String {
    let mut out = String::with_capacity(text.len());
    for cluster in text.nfc().filter(|c| !is_hint(*c)).collect::<String>().graphemes(true) {
        let before = out.len();
        for c in cluster.chars() {
            let plainer = || std::iter::once(c).nfkd().collect::<String>();
            match c {
                '\t' => out.push_str("    "),
                '\n' | '\u{2028}' | '\u{2029}' => out.push('\n'),
                c if face.has(c) => out.push(c),
                // A joiner without a glyph is invisible.
                '\u{200C}'..='\u{200F}' => {}
                _ if plainer().chars().all(|c| face.has(c)) => out.push_str(&plainer()),
                _ => out.push(MISSING),
            }
        }
        // An emoji sequence that the font does not have becomes one missing character, not several.
        if out
            .get(before..)
            .is_some_and(|shown| shown.chars().count() > 1 && shown.chars().all(|c| matches!(c, MISSING | '\u{200D}')))
        {
            out.truncate(before);
            out.push(MISSING);
        }
    }
    out
}

/// The names of scripts by ISO 15924 code. For other scripts the code itself is used.
const SCRIPTS: &[(&[u8; 4], &str)] = &[
    (b"Arab", "Arabic letters of Urdu and others"),
    (b"Beng", "Bengali"),
    (b"Deva", "Devanagari (Hindi, Nepali, Marathi)"),
    (b"Ethi", "Ethiopic (Amharic, Tigrinya)"),
    (b"Gujr", "Gujarati"),
    (b"Guru", "Gurmukhi (Punjabi)"),
    (b"Hang", "Korean"),
    (b"Hani", "Chinese characters"),
    (b"Hira", "Japanese"),
    (b"Kana", "Japanese"),
    (b"Khmr", "Khmer"),
    (b"Knda", "Kannada"),
    (b"Mlym", "Malayalam"),
    (b"Mong", "Mongolian"),
    (b"Mymr", "Burmese"),
    (b"Orya", "Odia"),
    (b"Sinh", "Sinhala"),
    (b"Syrc", "Syriac"),
    (b"Taml", "Tamil"),
    (b"Telu", "Telugu"),
    (b"Thaa", "Thaana"),
    (b"Thai", "Thai"),
    (b"Tibt", "Tibetan"),
];

/// Whether the font shows this character or its compatibility form.
fn shows(c: char, face: &Face) -> bool {
    face.has(c) || std::iter::once(c).nfkd().all(|plain| face.has(plain))
}

/// The scripts of a text that the font lacks. A missing letter or digit makes a text unreadable; a missing symbol such
/// as an emoji does not, and is shown as [`MISSING`].
pub fn unreadable_scripts(text: &str, face: &Face) -> BTreeSet<String> {
    let letters = text.nfc().filter(|c| c.is_alphanumeric() && !is_private(*c) && !is_hint(*c));
    letters.filter(|c| !shows(*c, face)).map(script_of).collect()
}

/// Private-use characters.
const fn is_private(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

fn script_of(letter: char) -> String {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(letter.encode_utf8(&mut [0; 4]));
    buffer.guess_segment_properties();
    let code = buffer.script().tag().to_bytes();
    let name = SCRIPTS.iter().find(|(script, _)| **script == code).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| String::from_utf8_lossy(&code).into_owned())
}

/// Adjacent glyphs and the text that they show.
#[derive(Debug, Clone)]
pub struct Run {
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
    /// In ems.
    pub width: f32,
}

fn shape(text: &str, face: &Face, rightward: bool) -> Run {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if rightward { Direction::LeftToRight } else { Direction::RightToLeft });
    let shaped = rustybuzz::shape(&face.shapes, &[], buffer);
    let starts: BTreeSet<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    let ems = |units: i32| f32::from(i16::try_from(units).unwrap_or(i16::MAX)) / face.units;
    // A viewer that draws a missing character with another font needs about one em for it.
    let advance = |id: u32, units: i32| if id == 0 { ems(units).max(1.0) } else { ems(units) };
    let fallback = face.shapes.glyph_index(MISSING).map_or(0, |id| u32::from(id.0));
    let glyphs: Vec<KrillaGlyph> = shaped
        .glyph_infos()
        .iter()
        .zip(shaped.glyph_positions())
        .map(|(info, place)| {
            let start = info.cluster as usize;
            let range: Range<usize> = start..starts.range(start + 1..).next().copied().unwrap_or(text.len());
            let id = if info.glyph_id == 0 { fallback } else { info.glyph_id };
            KrillaGlyph::new(
                GlyphId::new(id),
                advance(info.glyph_id, place.x_advance),
                ems(place.x_offset),
                ems(place.y_offset),
                ems(place.y_advance),
                range,
                None,
            )
        })
        .collect();
    Run { text: text.to_owned(), width: glyphs.iter().map(|glyph| glyph.x_advance).sum(), glyphs }
}

/// One line, with its runs from left to right.
#[derive(Debug, Clone)]
pub struct Line {
    pub runs: Vec<Run>,
    /// In ems.
    pub width: f32,
    /// Whether the line is right-aligned.
    pub from_right: bool,
}

impl Line {
    /// The width without the spaces at the line break, which extend over the edge.
    pub fn seen_width(&self) -> f32 {
        let Some(last) = self.runs.last().filter(|_| !self.from_right) else { return self.width };
        let spaces = last.glyphs.iter().rev().take(trailing_spaces(&last.text));
        self.width - spaces.map(|space| space.x_advance).sum::<f32>()
    }
}

/// The pieces between which a text may be broken (UAX 14). A missing character may stand for one of a script that has
/// no spaces, such as Chinese: a break after it is allowed.
fn words(text: &str) -> Vec<&str> {
    let after_missing = text.match_indices(MISSING).map(|(at, missing)| at + missing.len());
    let ends: BTreeSet<usize> = linebreaks(text).map(|(at, _)| at).chain(after_missing).collect();
    let mut start = 0;
    let pieces = ends.into_iter().filter_map(|end| text.get(std::mem::replace(&mut start, end)..end));
    pieces.filter(|piece| !piece.is_empty()).collect()
}

fn trailing_spaces(text: &str) -> usize {
    text.len() - text.trim_end_matches(' ').len()
}

/// Breaks the text into lines of at most `width` ems; an empty text is one empty line. The text must be [`printable`].
pub fn lines(text: &str, face: &Face, width: f32) -> Vec<Line> {
    text.split('\n').flat_map(|paragraph| wrap(paragraph, face, width)).collect()
}

/// The width of a text on one line, in ems.
pub fn width(text: &str, face: &Face) -> f32 {
    shape(text, face, true).width
}

/// The width of the longest unbreakable piece, in ems.
pub fn longest_word(text: &str, face: &Face) -> f32 {
    text.split('\n').flat_map(words).map(|word| width(word.trim_end_matches(' '), face)).fold(0.0, f32::max)
}

fn wrap(paragraph: &str, face: &Face, limit: f32) -> Vec<Line> {
    let measure = |text: &str| width(text, face);
    let space = measure(" ");
    let (mut ranges, mut start, mut end, mut used) = (Vec::new(), 0, 0, 0.0);
    for word in words(paragraph) {
        // Spaces at the end of a line may extend over the edge.
        let bare = measure(word.trim_end_matches(' '));
        let whole = bare + space * trailing_spaces(word) as f32;
        if used + bare > limit && end > start {
            ranges.push(start..end);
            (start, used) = (end, 0.0);
        }
        if bare <= limit {
            end += word.len();
            used += whole;
            continue;
        }
        for cluster in word.graphemes(true) {
            let wide = measure(cluster);
            if used + wide > limit && end > start {
                ranges.push(start..end);
                (start, used) = (end, 0.0);
            }
            end += cluster.len();
            used += wide;
        }
    }
    ranges.push(start..end);
    let info = BidiInfo::new(paragraph, None);
    ranges.into_iter().map(|range| arrange(&info, paragraph, range, face)).collect()
}

/// The runs of a line in visual order (UAX 9).
fn arrange(info: &BidiInfo, paragraph: &str, line: Range<usize>, face: &Face) -> Line {
    let Some(of) = info.paragraphs.first().filter(|_| !line.is_empty()) else {
        return Line { runs: Vec::new(), width: 0.0, from_right: false };
    };
    let from_right = of.level.is_rtl();
    // The space at the line break would be at the wrong edge.
    let line = if from_right {
        line.start..paragraph.get(..line.end).map_or(line.end, |text| text.trim_end_matches(' ').len())
    } else {
        line
    };
    if line.is_empty() {
        return Line { runs: Vec::new(), width: 0.0, from_right };
    }
    let (levels, runs) = info.visual_runs(of, line);
    let shaped: Vec<Run> = runs
        .into_iter()
        .filter_map(|run| Some((levels.get(run.start)?.is_ltr(), paragraph.get(run)?)))
        .map(|(rightward, text)| shape(text, face, rightward))
        .collect();
    Line { width: shaped.iter().map(|run| run.width).sum(), runs: shaped, from_right }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn characters_missing_in_the_font_are_shown_as_boxes() {
        for (text, shown) in [
            ("Sam, 50 €", "Sam, 50 €"),
            ("e\u{301}", "é"),
            ("مرحبا", "مرحبا"),
            ("日本", "□□"),
            ("ｆｕｌｌ", "full"),
            ("👍🏽", "□"),
            ("👨‍👩‍👧", "□"),
            ("❤️", "❤"),
            ("a\tb\nc\u{2028}d", "a    b\nc\nd"),
        ] {
            assert_eq!(printable(text, &REGULAR), shown, "{text:?}");
        }
    }

    #[test]
    fn wrapped_lines_fit_and_lose_no_text() {
        let text = "A sentence that is longer than a line, with \
             aVeryLongWordThatFitsNoLineAtAllAndHasToBeBrokenSomewhere in it.\n\nEnd";
        let all = lines(text, &REGULAR, 12.0);
        assert!(all.len() > 7 && all.iter().all(|line| line.width < 12.4), "{all:#?}");
        let back: String = all.iter().flat_map(|line| &line.runs).map(|run| run.text.as_str()).collect();
        assert_eq!(back, text.replace('\n', ""));
    }

    #[test]
    fn lines_with_many_spaces_fit() {
        let text = "    a  b    c d    ".repeat(20);
        let all = lines(&text, &REGULAR, 10.0);
        assert!(all.len() > 5 && all.iter().all(|line| line.seen_width() <= 10.0), "{all:#?}");
        let back: String = all.iter().flat_map(|line| &line.runs).map(|run| run.text.as_str()).collect();
        assert_eq!(back, text);
    }

    #[test]
    fn line_breaks_keep_dashes_and_number_ranges_together() {
        assert_eq!(words("- One, well-being 5-10 and/or"), ["- ", "One, ", "well-", "being ", "5-10 ", "and/", "or"]);
    }

    #[test]
    fn right_to_left_text_is_laid_out_from_the_right() {
        let line = lines("مرحبا Sam ", &REGULAR, 40.0).remove(0);
        assert!(line.from_right);
        let seen: Vec<&str> = line.runs.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(seen, ["Sam", "مرحبا "]);
    }

    #[test]
    fn unsupported_scripts_are_named_and_symbols_are_ignored() {
        for (text, script) in [
            ("我需要时间", "Chinese characters"),
            ("시간이 필요해요", "Korean"),
            ("मुझे समय चाहिए", "Devanagari (Hindi, Nepali, Marathi)"),
            ("ฉันต้องการเวลา", "Thai"),
            ("ጊዜ እፈልጋለሁ", "Ethiopic (Amharic, Tigrinya)"),
            ("အချိန်လိုတယ်", "Burmese"),
            ("時間がほしい", "Chinese characters, Japanese"),
            ("আমার সময় দরকার", "Bengali"),
            ("எனக்கு நேரம் தேவை", "Tamil"),
            ("مجھے وقت چاہیے", "Arabic letters of Urdu and others"),
        ] {
            for face in [&*REGULAR, &*BOLD] {
                let found: Vec<String> = unreadable_scripts(text, face).into_iter().collect();
                assert_eq!(found.join(", "), script, "{text}");
            }
        }
        for text in [
            "Sam, 50 € – Zoë ł ø ß Đặng Nguyễn",
            "Мне нужно время",
            "Χρειάζομαι χρόνο",
            "Ինձ ժամանակ է պետք",
            "დრო მჭირდება",
            "أحتاج إلى وقت",
            "به زمان نیاز دارم",
            "אני צריך זמן",
            "ຂ້ອຍຕ້ອງການເວລາ",
            "ⵜⵉⴼ",
            "😀 👍🏽 👨\u{200D}👩\u{200D}👧 🇺🇸 ☃ \u{E000}",
            "ｆｕｌｌ ½ ² ① ﬁ",
        ] {
            for face in [&*REGULAR, &*BOLD] {
                assert_eq!(unreadable_scripts(text, face).into_iter().collect::<Vec<_>>(), [""; 0], "{text}");
            }
        }
    }

    /// Arabic letters take the form for their position in the word, and Hebrew is right-aligned.
    #[test]
    fn arabic_and_hebrew_text_is_shaped() {
        let glyphs = |text: &str| -> Vec<u32> {
            let line = lines(text, &REGULAR, 40.0).remove(0);
            line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.glyph_id.to_u32()).collect()
        };
        let (alone, joined) = (glyphs("ب"), glyphs("ببب"));
        assert_eq!(joined.len(), 3);
        assert!(
            joined.iter().all(|glyph| *glyph != alone[0]),
            "beginning, middle and end differ from the letter alone"
        );
        assert_eq!(joined.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(glyphs("لا").len(), 1, "lam and alef are one sign");
        let hebrew = lines("שלום Sam", &REGULAR, 40.0).remove(0);
        assert!(hebrew.from_right);
        assert_eq!(hebrew.runs[0].text, "Sam");
    }

    proptest! {
        #[test]
        fn any_printable_text_maps_to_existing_glyphs(text in "\\PC{0,60}") {
            for face in [&*REGULAR, &*BOLD] {
                let text = printable(&text, face);
                for line in lines(&text, face, 10.0) {
                    for run in line.runs {
                        prop_assert!(run.glyphs.iter().all(|glyph| glyph.glyph_id.to_u32() != 0));
                        prop_assert!(run.glyphs.iter().all(|glyph| run.text.get(glyph.text_range.clone()).is_some()));
                    }
                }
            }
        }
    }
}
