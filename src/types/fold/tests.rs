//! Search cases: a table of names, numbers and dates, and of queries that must find them.

use super::*;

fn stored_words(text: &str) -> String {
    let mut all = BTreeSet::new();
    add_name(text, &mut all);
    all.into_iter().fold(String::from(" "), |stored_words, word| stored_words + &word + " ")
}

/// Matches like the index: each word by its prefix.
fn finds(stored_words: &str, asked: &str) -> bool {
    let has = |asked: &QueryWord| {
        stored_words.contains(&if asked.is_whole { format!(" {} ", asked.text) } else { format!(" {}", asked.text) })
    };
    let terms = parse_query(asked);
    !terms.is_empty() && terms.iter().all(|term| term.0.iter().any(|alternative| alternative.iter().all(has)))
}

/// A name, and the queries that find it.
const NAMES: &[(&str, &[&str])] = &[
    ("Łukasz Żółć", &["lukasz", "Łukasz", "ŁUKASZ", "zolc", "zolc lukasz", "łuk"]),
    ("Søren Kjær", &["soren", "søren", "soeren", "kjaer", "SOEREN KJÆR"]),
    ("Đặng Thị Hoà", &["dang", "đặng", "dang thi hoa", "hoa dang", "dangthi"]),
    ("Groß", &["gross", "groß", "GROSS", "GROẞ"]),
    ("Gross", &["groß", "GROẞ"]),
    ("Işıl Yılmaz", &["isil", "ISIL", "İSİL", "ışıl", "yilmaz", "YILMAZ"]),
    ("İsmail", &["ismail", "ISMAIL", "ısmaıl", "İsmaİl"]),
    ("Œuvrard Þórr", &["oeuvrard", "thorr", "þor"]),
    ("Ħal Għaxaq Ŧor Ŋuni", &["hal", "ghaxaq", "tor", "nuni", "nguni"]),
    ("Guðrún Ægisdóttir", &["gudrun", "guthrun", "aegisdottir", "Guðrún"]),
    ("Müller", &["muller", "mueller", "MÜLLER", "Mu\u{308}ller", "müll"]),
    ("Mueller", &["müller", "mueller"]),
    ("Muller", &["muller", "müller"]),
    ("Åsa Ångström", &["asa", "aasa", "angstrom", "aangstroem"]),
    ("Əliyev", &["aliyev", "eliyev", "əliyev"]),
    ("ÉMILE Zola", &["émile", "emile", "EMILE", "E\u{301}mile", "zola emile"]),
    ("Émile durand", &["émile", "ÉMILE", "emile"]),
    ("O'Brien", &["obrien", "o'brien", "o brien", "O’Brien", "oʼbrien", "brien", "o"]),
    ("O’Brien", &["o'brien", "obrien", "O‘BRIEN"]),
    ("OBrien", &["o'brien", "obrien", "o brien"]),
    (
        "Smith-Jones",
        &["smithjones", "smith jones", "jones", "smith-jones", "smith‐jones", "smith–jones", "jones smith"],
    ),
    ("Smith Jones", &["smith-jones", "smithjones"]),
    ("Mary-Jane Watson", &["maryjane", "mary jane", "mary-jane", "jane", "maryjane watson", "watson maryjane"]),
    ("Mary Jane", &["maryjane", "mary-jane"]),
    ("De la Cruz", &["dela cruz", "delacruz", "de la cruz", "la cruz", "cruz", "lacruz"]),
    ("Delacruz", &["de la cruz", "delacruz"]),
    ("van der Berg", &["vanderberg", "van der berg", "vander berg", "berg"]),
    ("D'Angelo", &["dangelo", "d angelo", "d’angelo"]),
    ("Gal·la", &["galla", "gal·la"]),
    ("王小明", &["王", "小明", "明", "王小明", "王小", "小"]),
    ("王 小明", &["王小明", "小明 王"]),
    ("欧阳娜娜", &["欧阳", "娜娜", "欧阳娜娜", "阳娜"]),
    ("김민수", &["김", "민수", "수", "김민수", "김 민수", "\u{1100}\u{1175}\u{11B7}"]),
    ("김 민수", &["김민수", "민수"]),
    ("山田 はなこ", &["山", "はな", "ハナコ", "山田はなこ"]),
    ("ジョン・スミス", &["ジョン", "スミス", "ｽﾐｽ", "じょん", "ジョンスミス"]),
    ("สมชาย ใจดี", &["สม", "ชาย", "ใจ", "สมชาย", "ดี", "ส"]),
    ("សុខា", &["សុ", "ខា"]),
    ("မောင်အေး", &["မောင်", "အေး"]),
    ("ສົມສັກ", &["ສົມ", "ສັກ"]),
    ("مُحَمَّد", &["محمد", "مُحَمَّد", "مح"]),
    ("محمد", &["مُحَمَّد", "محـــمد"]),
    ("أحمد الحسن", &["احمد", "الحسن", "حسن", "حسن أحمد"]),
    ("حسن", &["الحسن", "حسن"]),
    ("عبد الله", &["عبدالله", "عبد الله"]),
    ("عبدالله", &["عبد الله"]),
    ("علی", &["علي", "على"]),
    ("فاطمة", &["فاطمه", "فاطمة"]),
    ("می\u{200C}نا", &["مینا", "می\u{200C}نا"]),
    ("שָׁלוֹם", &["שלום", "שלו"]),
    ("הרצל", &["הרצל", "רצל"]),
    ("ז׳בוטינסקי", &["זבוטינסקי", "ז'בוטינסקי"]),
    ("राम कुमार", &["राम", "कुमार", "कु", "कुमार राम"]),
    ("मीना", &["मीना", "मी"]),
    ("ක්\u{200D}රිස්", &["ක්\u{200D}රිස්", "ක්රිස්"]),
    ("Ёлкина Σοφίας", &["елкина", "ёлкина", "ΣΟΦΙΑΣ", "σοφιας"]),
    ("Ｓａｍ", &["sam", "Ｓａｍ"]),
    ("Jo\u{AD}anna", &["joanna"]),
    ("Unit ٤٢", &["42", "٤٢", "४२", "４２"]),
    ("Sam", &["sa", "sam", "SAM"]),
    ("U", &["u"]),
];

/// A name, and the queries that do not find it.
const OTHERS: &[(&str, &[&str])] = &[
    ("Muller", &["mueller"]),
    ("Olga", &["o", "obrien", "o'brien"]),
    ("मीना", &["राम", "मन"]),
    ("が", &["か"]),
    ("王小明", &["明小", "李"]),
    ("Sam", &["amy", "samuel"]),
];

#[test]
fn name_is_found_by_any_spelling() {
    for (name, asked) in NAMES {
        for asked in *asked {
            assert!(
                finds(&stored_words(name), asked),
                "{name} by {asked}: {:?} in {}",
                parse_query(asked),
                stored_words(name)
            );
        }
    }
    for (name, asked) in OTHERS {
        for asked in *asked {
            assert!(!finds(&stored_words(name), asked), "{name} by {asked}");
        }
    }
}

#[test]
fn folding_is_stable_for_every_letter_of_the_table() {
    for (letter, usual, another) in LETTERS {
        assert_eq!(fold(&letter.to_string()), *usual, "{letter}");
        // The result is stable: folding twice changes nothing.
        assert_eq!((fold(usual).as_str(), fold(another).as_str()), (*usual, *another), "{letter}");
    }
    for zero in ZEROS {
        let digits: String = (0..10).filter_map(|digit| char::from_u32(zero + digit)).collect();
        assert_eq!(fold(&digits), "0123456789", "{zero:x}");
    }
}

#[test]
fn phone_number_is_found_with_and_without_its_country_code() {
    for (number, asked) in [
        (
            "+1 555 010 0199",
            &["15550100199", "555 010 0199", "(555) 010-0199", "+1-555-010-0199", "0199", "010-0199", "5550100199"][..],
        ),
        ("(555) 010-0199", &["+1 555 010 0199", "0015550100199", "5550100199"]),
        ("020 7946 0000", &["+44 20 7946 0000", "02079460000", "020 79460000", "7946 0000"]),
        ("+44 20 7946 0000", &["020 7946 0000", "2079460000", "442079460000"]),
        ("٠٢٠ ٧٩٤٦", &["0207946"]),
    ] {
        let mut all = BTreeSet::new();
        add_phone(number, &mut all);
        let stored_words = all.into_iter().fold(String::from(" "), |stored_words, word| stored_words + &word + " ");
        for asked in asked {
            assert!(finds(&stored_words, asked), "{number} by {asked}: {stored_words}");
        }
        assert!(!finds(&stored_words, "555 999"), "{number}");
    }
}

#[test]
fn date_is_found_in_each_order_of_its_parts() {
    let mut all = BTreeSet::new();
    add_date(Day::parse("1990-05-17").unwrap(), &mut all);
    let stored_words = all.into_iter().fold(String::from(" "), |stored_words, word| stored_words + &word + " ");
    for asked in ["1990-05-17", "17.05.1990", "17.5.1990", "05/17/1990", "5/17/1990", "17 05 1990", "19900517"] {
        assert!(finds(&stored_words, asked), "{asked}: {stored_words}");
    }
    assert!(!finds(&stored_words, "1991-05-17") && !finds(&stored_words, "18.05.1990"));
}

#[test]
fn text_is_split_into_folded_words() {
    let parts = |text: &str| words(text).map(|word| word.folded).collect::<Vec<_>>();
    assert_eq!(parts("2026-000042 İstanbul ½ “co-op”"), ["2026", "000042", "istanbul", "12", "co", "op"]);
    assert_eq!(parts("Kim민수2"), ["kim", "민수", "2"]);
    assert_eq!(parts("don’t \u{200B} — ʼ"), ["don", "t"]);
    assert_eq!(fold("Mary-Jane O’Brien"), "maryjaneobrien");
    assert_eq!(words(&"a".repeat(100)).map(|word| (word.folded.len(), word.range)).collect::<Vec<_>>(), [(40, 0..100)]);
}

#[test]
fn long_query_without_spaces_uses_few_terms() {
    let [term] = &parse_query(&"王小明".repeat(30))[..] else { panic!("one term") };
    assert!(term.0.iter().all(|alternative| alternative.len() <= 31), "{term:?}");
    assert!(finds(&stored_words(&"王小明".repeat(30)), &"王小明".repeat(20)));
}
