//! One folded form of text for every search on both engines.
//!
//! Stored text and queries are folded by the same functions, so that a name is found with any spelling: with or without
//! accents, in upper or lower case, with another apostrophe or hyphen, or none. The database engines do no folding.
//!
//! - [`words`] splits a text. A word is a run of letters and digits. Chinese, Japanese, Korean, Thai, Lao, Khmer,
//!   Burmese and Tibetan have no spaces between words; text in them is one run.
//! - [`add_text`], [`add_name`], [`add_phone`] and [`add_date`] make the words that a record is indexed by. Each is found by its
//!   prefix, so a text without spaces is stored as the pieces of [`PIECE`] characters that begin at each of its
//!   characters.
//! - [`parse_query`] makes the terms of a query.

mod query;

pub use query::{QueryWord, Term, count, parse_query};

use query::{push, query_pieces};

use super::Day;
use std::{collections::BTreeSet, ops::Range};
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

/// Characters of a word beyond this length are ignored.
const MAX_WORD: usize = 40;
/// The length of a stored piece of a text without spaces.
const PIECE: usize = 3;
/// The most words that are joined: of a name, or of parts with hyphens.
const MAX_JOINED: usize = 10;
/// A query word of at most this many letters is also searched joined with the next word: `de la Cruz` finds `Delacruz`.
const MAX_SHORT_WORD: usize = 3;
/// A number with fewer digits is not a telephone number.
const MIN_DIGITS: usize = 5;
/// The fewest digits of a telephone number without its country code.
const MIN_LOCAL_DIGITS: usize = 6;
/// A query without spaces that has more pieces than this is searched by every third piece only.
const MAX_PIECES: usize = 10;

/// Letters that Unicode does not decompose, their usual form in plain letters, and a second usual form if there is one.
const LETTERS: &[(char, &str, &str)] = &[
    ('ß', "ss", ""),
    ('ł', "l", ""),
    ('ø', "o", "oe"),
    ('đ', "d", ""),
    ('ð', "d", "th"),
    ('þ', "th", ""),
    ('æ', "ae", ""),
    ('œ', "oe", ""),
    ('ı', "i", ""),
    ('ȷ', "j", ""),
    ('ħ', "h", ""),
    ('ŧ', "t", ""),
    ('ŋ', "n", "ng"),
    ('ĸ', "k", ""),
    ('ə', "a", "e"),
    ('ǝ', "e", ""),
    ('ɛ', "e", ""),
    ('ɔ', "o", ""),
    ('ɓ', "b", ""),
    ('ƀ', "b", ""),
    ('ɗ', "d", ""),
    ('ɖ', "d", ""),
    ('ƙ', "k", ""),
    ('ƴ', "y", ""),
    ('ɣ', "g", ""),
    ('ǥ', "g", ""),
    ('ɨ', "i", ""),
    ('ɩ', "i", ""),
    ('ɪ', "i", ""),
    ('ɲ', "n", "ny"),
    ('ɵ', "o", ""),
    ('ʉ', "u", ""),
    ('ʋ', "v", ""),
    ('ƒ', "f", ""),
    ('ƶ', "z", ""),
    ('ʒ', "z", "zh"),
    ('ƿ', "w", ""),
    ('ꞑ', "n", ""),
    // Greek final sigma; Cyrillic letters that are used for one another.
    ('ς', "σ", ""),
    ('ґ', "г", ""),
    ('ӏ', "", ""),
    // Arabic: forms of alef, yeh and kaf; teh marbuta; the line that only lengthens a word.
    ('ٱ', "ا", ""),
    ('ى', "ي", ""),
    ('ی', "ي", ""),
    ('ې', "ي", ""),
    ('ک', "ك", ""),
    ('ة', "ه", ""),
    ('ە', "ه", ""),
    ('ہ', "ه", ""),
    ('ھ', "ه", ""),
    ('ـ', "", ""),
    // Hebrew: final forms.
    ('ך', "כ", ""),
    ('ם', "מ", ""),
    ('ן', "נ", ""),
    ('ף', "פ", ""),
    ('ץ', "צ", ""),
];

/// The digit zero of each script whose digits are not ASCII; the nine other digits follow it.
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450,
    0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50,
    0x1E140, 0x1E2F0, 0x1E950,
];

/// Characters that serve as an apostrophe on some keyboard or in some alphabet. They are removed from a word and do not
/// split it.
const fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '´'
            | '‘'
            | '’'
            | '‚'
            | '‛'
            | '′'
            | '‵'
            | '＇'
            | 'ʹ'
            | 'ʻ'
            | 'ʼ'
            | 'ʽ'
            | 'ʾ'
            | 'ʿ'
            | 'ˈ'
            | 'ˊ'
            | 'ˋ'
            | 'ˮ'
            | 'ꞌ'
            | 'Ꞌ'
            | '՚'
            | '׳'
            | '״'
    )
}
/// Characters that join the parts of a name: hyphens, the Hebrew maqaf, the middle dots of Catalan and Japanese.
const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '‐'..='―' | '−' | '﹘' | '﹣' | '－' | '־' | '᠆' | '·' | '‧' | '・' | '･' | '゠' | '＝')
}
/// Invisible characters that do not distinguish two words (`Default_Ignorable_Code_Point`).
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{E0000}'..='\u{E0FFF}')
}
/// The vowel or the last consonant of a Korean syllable that is written as separate letters.
const fn continues_syllable(c: char) -> bool {
    matches!(c, '\u{1161}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FB}')
}
/// A letter of a script without spaces between words.
const fn is_of_script_without_spaces(c: char) -> bool {
    c >= '\u{E01}'
        && matches!(c,
        '\u{E01}'..='\u{E4F}' | '\u{E80}'..='\u{ECF}' | '\u{EDC}'..='\u{EDF}' | '\u{F00}' | '\u{F40}'..='\u{FBC}' | '\u{1000}'..='\u{103F}'
        | '\u{1050}'..='\u{108F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17DD}' | '\u{1950}'..='\u{19CF}' | '\u{1A20}'..='\u{1A7C}'
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{3035}' | '\u{3038}'..='\u{303C}'
        | '\u{3041}'..='\u{318E}' | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{A960}'..='\u{A97C}' | '\u{A980}'..='\u{A9CF}' | '\u{A9E0}'..='\u{A9EF}' | '\u{AA60}'..='\u{AADF}' | '\u{AC00}'..='\u{D7FB}'
        | '\u{F900}'..='\u{FAFF}' | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}')
}

/// The number of ASCII letters and digits at the start of a text, without combining marks. Most text consists of them,
/// and they are folded one by one.
fn plain_letters(text: &str) -> usize {
    let bytes = text.as_bytes();
    let plain = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    // A combining mark belongs to the last letter.
    plain - usize::from(plain > 0 && bytes.get(plain).is_some_and(|byte| !byte.is_ascii()))
}

/// Appends the folded form of a letter and its marks to `plain`, and a second usual form, if there is one, to `other`.
fn fold_letter(letter: &str, plain: &mut String, other: &mut String) -> bool {
    let (mut whole, mut second, mut differs) = (String::new(), String::new(), false);
    for c in letter.nfkd().flat_map(char::to_lowercase) {
        // An umlaut or ring of letters that have a form without it.
        let spelled = match (c, whole.chars().last()) {
            ('\u{308}', Some('a' | 'o' | 'u')) => "e",
            ('\u{30A}', Some('a')) => "a",
            _ => "",
        };
        if !spelled.is_empty() {
            second.push_str(spelled);
            differs = true;
        }
        // Accents, points, tone and length marks are removed. Vowel signs of Indic scripts stay, and so do the two
        // marks that make another Japanese letter.
        if is_ignorable(c)
            || is_apostrophe(c)
            || canonical_combining_class(c) != 0 && !matches!(c, '\u{3099}' | '\u{309A}')
        {
            continue;
        }
        if let Some((_, usual, another)) = LETTERS.iter().find(|(known, ..)| *known == c) {
            whole.push_str(usual);
            second.push_str(if another.is_empty() { usual } else { another });
            differs |= !another.is_empty();
            continue;
        }
        let code = u32::from(c);
        let digit = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10));
        let c = match (code, digit.and_then(|digit| char::from_digit(digit, 10))) {
            (_, Some(digit)) => digit,
            // Katakana is folded to hiragana.
            (0x30A1..=0x30F6, None) => char::from_u32(code - 0x60).unwrap_or(c),
            _ => c,
        };
        whole.push(c);
        second.push(c);
    }
    plain.extend(whole.nfc().filter(|c| c.is_alphanumeric()));
    other.extend(second.nfc().filter(|c| c.is_alphanumeric()));
    differs
}

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The position in the text.
    pub range: Range<usize>,
    /// Letters and digits only.
    pub folded: String,
    /// A second usual spelling: `mueller` for `Müller`.
    pub other: Option<String>,
    /// Whether an apostrophe or a hyphen joins it to the word before it.
    pub is_joined: bool,
    /// For a text without spaces: the position of each of its characters. Empty for any other word.
    pub letters: Vec<Range<usize>>,
}
impl Word {
    const fn is_run(&self) -> bool {
        !self.letters.is_empty()
    }
    fn is_number(&self) -> bool {
        self.folded.bytes().all(|b| b.is_ascii_digit())
    }
    /// The spellings by which it is found.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let bare = without_article(&self.folded);
        [Some(self.folded.as_str()), self.other.as_deref(), bare].into_iter().flatten()
    }
}

/// An Arabic or Hebrew word without its article.
fn without_article(word: &str) -> Option<&str> {
    let (rest, least) = match word.strip_prefix("ال") {
        Some(rest) => (rest, 2),
        None => (word.strip_prefix('ה')?, 3),
    };
    (rest.chars().count() >= least).then_some(rest)
}

fn cut(word: &str) -> &str {
    word.char_indices().nth(MAX_WORD).map_or(word, |(end, _)| word.get(..end).unwrap_or(word))
}

/// Splits a text into words.
#[derive(Debug)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
    /// The end of the last word.
    last: Option<usize>,
}

/// The words of a text, in its order.
pub const fn words(text: &str) -> Words<'_> {
    Words { text, at: 0, last: None }
}

impl Words<'_> {
    /// The end of the letter that begins at `start`, with the marks that follow it.
    fn end_of_letter(&self, start: usize) -> usize {
        let tail = self.text.get(start..).unwrap_or_default();
        let follows = |c: &char| is_combining_mark(*c) || is_ignorable(*c) || continues_syllable(*c);
        start + tail.char_indices().skip(1).find(|(_, c)| !follows(c)).map_or(tail.len(), |(end, _)| end)
    }
    /// Whether exactly one apostrophe or hyphen is between the last word and this position.
    fn is_joined(&self, start: usize) -> bool {
        let between = self.last.and_then(|last| self.text.get(last..start)).unwrap_or_default();
        let mut seen = between.chars().filter(|c| !is_ignorable(*c));
        seen.next().is_some_and(|c| is_apostrophe(c) || is_hyphen(c)) && seen.next().is_none()
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let is_letter = |c: char| c.is_alphanumeric() && !is_apostrophe(c) && !is_ignorable(c);
        let mut word = Word { range: 0..0, folded: String::new(), other: None, is_joined: false, letters: Vec::new() };
        let (mut other, mut differs, mut length) = (String::new(), false, 0);
        while let Some(tail) = self.text.get(self.at..).filter(|tail| !tail.is_empty()) {
            let plain = plain_letters(tail);
            if plain > 0 {
                if word.is_run() {
                    // Another script starts another word.
                    break;
                }
                if word.folded.is_empty() {
                    word.is_joined = self.is_joined(self.at);
                    word.range.start = self.at;
                }
                let room = plain.min(MAX_WORD.saturating_sub(length));
                let letters = tail.chars().take(room).map(|c| c.to_ascii_lowercase());
                word.folded.extend(letters.clone());
                other.extend(letters);
                length += plain;
                self.at += plain;
                word.range.end = self.at;
                continue;
            }
            let first = tail.chars().next()?;
            if !is_letter(first) {
                if !word.folded.is_empty() {
                    break;
                }
                self.at += tail.find(is_letter).unwrap_or(tail.len());
                continue;
            }
            let start = self.at;
            let end = self.end_of_letter(start);
            let before = (word.folded.len(), other.len());
            let also = fold_letter(self.text.get(start..end).unwrap_or_default(), &mut word.folded, &mut other);
            let Some(made) = word.folded.get(before.0..).and_then(|made| made.chars().next()) else {
                // Nothing is left of the letter, as for one that only lengthens a word.
                self.at = end;
                if before.0 > 0 {
                    word.range.end = end;
                }
                continue;
            };
            let is_run = is_of_script_without_spaces(made);
            if before.0 > 0 && is_run != word.is_run() {
                // Another script starts another word; the letter is read again.
                word.folded.truncate(before.0);
                other.truncate(before.1);
                break;
            }
            if before.0 == 0 {
                word.is_joined = self.is_joined(start);
                word.range.start = start;
            }
            word.range.end = end;
            self.at = end;
            differs |= also;
            if is_run {
                let count = word.folded.get(before.0..).unwrap_or_default().chars().count();
                word.letters.extend(std::iter::repeat_n(start..end, count));
            } else {
                length += 1;
                if length > MAX_WORD {
                    word.folded.truncate(before.0);
                    other.truncate(before.1);
                }
            }
        }
        if word.folded.is_empty() {
            return None;
        }
        self.last = Some(word.range.end);
        word.other = differs.then_some(other);
        Some(word)
    }
}

/// The form of a text for comparisons: only its folded letters and digits.
pub fn fold(text: &str) -> String {
    words(text).map(|word| word.folded).collect()
}

fn pieces(run: &str, into: &mut BTreeSet<String>) {
    let letters: Vec<char> = run.chars().collect();
    for start in 0..letters.len() {
        into.insert(letters.iter().skip(start).take(PIECE).collect());
    }
}

/// Adds the forms for words that belong together and are written as one: from each of them to the last.
fn joined(group: &[Word], into: &mut BTreeSet<String>) {
    if group.len() < 2 {
        return;
    }
    for start in 0..group.len() {
        let rest: Vec<&Word> = group.iter().skip(start).collect();
        let whole: String = rest.iter().map(|word| word.folded.as_str()).collect();
        if rest.iter().all(|word| word.is_run()) {
            pieces(&whole, into);
            continue;
        }
        into.insert(cut(&whole).to_owned());
        if rest.iter().any(|word| word.other.is_some()) {
            let other: String = rest.iter().map(|word| word.other.as_deref().unwrap_or(&word.folded)).collect();
            into.insert(cut(&other).to_owned());
        }
    }
}

/// Adds the words by which a text is found.
pub fn add_text(text: &str, into: &mut BTreeSet<String>) {
    let mut group: Vec<Word> = Vec::new();
    for word in words(text) {
        if word.is_run() {
            pieces(&word.folded, into);
        } else {
            into.extend(word.spellings().map(str::to_owned));
        }
        if !word.is_joined || group.len() == MAX_JOINED {
            joined(&group, into);
            group.clear();
        }
        group.push(word);
    }
    joined(&group, into);
}

/// Adds the words by which a name is found, including all its parts joined.
pub fn add_name(name: &str, into: &mut BTreeSet<String>) {
    add_text(name, into);
    joined(&words(name).take(MAX_JOINED).collect::<Vec<_>>(), into);
}

/// The words by which these names are found, each once, with a space before and after it.
pub fn name_words<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = BTreeSet::new();
    names.into_iter().for_each(|text| add_name(text, &mut all));
    all.into_iter().fold(String::from(" "), |text, word| text + &word + " ")
}

/// The alternatives that find a record with the same name, in any order of its parts.
pub fn same_name(name: &str) -> Vec<Vec<QueryWord>> {
    let all: Vec<Word> = words(name).take(MAX_JOINED).collect();
    let each = |spelled: fn(&Word) -> &str| -> Vec<QueryWord> {
        let query_word = |word: &Word| match word.is_run() {
            true => query_pieces(&word.folded),
            false => vec![QueryWord { text: spelled(word).to_owned(), is_whole: true }],
        };
        all.iter().flat_map(query_word).collect()
    };
    let mut alternatives = Vec::new();
    push(&mut alternatives, each(|word| &word.folded));
    push(&mut alternatives, each(|word| word.other.as_deref().unwrap_or(&word.folded)));
    if all.len() > 1 && !all.iter().any(Word::is_run) {
        let whole: String = all.iter().map(|word| word.folded.as_str()).collect();
        push(&mut alternatives, vec![QueryWord { text: cut(&whole).to_owned(), is_whole: true }]);
    }
    alternatives
}

/// The folded parts of a name in alphabetical order, in each of the two usual spellings.
pub fn parts(name: &str) -> [Vec<String>; 2] {
    let mut plain: Vec<String> = words(name).map(|word| word.folded).collect();
    let mut other: Vec<String> = words(name).map(|word| word.other.unwrap_or(word.folded)).collect();
    plain.sort_unstable();
    other.sort_unstable();
    [plain, other]
}

/// Only the digits of a telephone number.
pub fn digits(number: &str) -> String {
    words(number).filter(Word::is_number).map(|word| word.folded).collect()
}

/// Adds the digit strings by which a telephone number is found: the whole number, without a country code, from each
/// part to the end, and its last four digits.
pub fn add_phone(number: &str, into: &mut BTreeSet<String>) {
    let parts: Vec<String> = words(number).filter(Word::is_number).map(|word| word.folded).collect();
    let digits = parts.concat();
    for start in 1..parts.len() {
        let rest = parts.get(start..).unwrap_or_default().concat();
        if rest.len() >= MIN_DIGITS {
            into.insert(cut(&rest).to_owned());
        }
    }
    for without in 1..=3 {
        into.extend(
            digits.get(without..).filter(|rest| rest.len() >= MIN_LOCAL_DIGITS).map(|rest| cut(rest).to_owned()),
        );
    }
    into.extend(digits.len().checked_sub(4).and_then(|start| digits.get(start..)).map(str::to_owned));
    if !digits.is_empty() {
        into.insert(cut(&digits).to_owned());
    }
}

/// Adds the digit strings by which a date is found, in each usual order.
pub fn add_date(day: Day, into: &mut BTreeSet<String>) {
    let date = day.jiff();
    let (year, month, day) = (date.year(), date.month(), date.day());
    into.extend([
        format!("{year:04}{month:02}{day:02}"),
        format!("{day:02}{month:02}{year:04}"),
        format!("{month:02}{day:02}{year:04}"),
        format!("{year}{month}{day}"),
        format!("{day}{month}{year}"),
        format!("{month}{day}{year}"),
    ]);
}

#[cfg(test)]
mod tests;
