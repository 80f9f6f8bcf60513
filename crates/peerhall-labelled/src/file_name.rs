//! File names that a stranger gave.

/// Longest name that is made, in bytes: what common file systems take.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// Longest ending that a shortened name keeps, in bytes with its dot.
const MAX_ENDING_BYTES: usize = 16;

/// Stands for a name of which nothing is left.
const NAMELESS: &str = "file";

/// Names that Windows keeps for devices, whatever their ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A name under which a file from a stranger can be stored in a folder, on any system: the last part of
/// the given one, without separators, control characters, bidirectional controls, characters that Windows
/// refuses, leading dots, and trailing dots and blanks; no device of Windows; at most 255 bytes. Never
/// empty, never `.` or `..`, and itself when it is made safe again.
#[must_use]
pub fn safe_file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let plain: String =
        last.chars().filter(|c| !is_hidden(*c)).map(|c| if is_refused(c) { '_' } else { c }).collect();
    let trimmed = trim(&plain);
    let named = if trimmed.is_empty() { NAMELESS } else { trimmed };
    let safe = if is_device(named) { format!("_{named}") } else { named.to_owned() };
    shorten(safe)
}

/// Leading dots hide a file, leading blanks an ending; Windows drops trailing dots and blanks.
fn trim(name: &str) -> &str {
    name.trim_start_matches(|c: char| c == '.' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Characters that are not seen, or that change the order in which others are.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Characters that Windows does not take in a name.
const fn is_refused(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn is_device(name: &str) -> bool {
    // No other letter becomes one of these names in small letters, and the table of all letters is larger than all else here.
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

fn shorten(name: String) -> String {
    if name.len() <= MAX_FILE_NAME_BYTES {
        return name;
    }
    let ending =
        name.rfind('.').and_then(|at| name.get(at..)).filter(|ending| ending.len() <= MAX_ENDING_BYTES);
    let ending = ending.unwrap_or_default();
    let cut = name.floor_char_boundary(MAX_FILE_NAME_BYTES - ending.len());
    let stem = name.get(..cut).unwrap_or_default();
    format!("{}{ending}", stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_harmless_name_stays_as_it_is() {
        for name in ["notes.txt", "Übersicht 2026.pdf", "写真.jpg", "a.tar.gz", "-rf", "console.log", "com10"]
        {
            assert_eq!(safe_file_name(name), name);
        }
    }

    #[test]
    fn no_name_leaves_its_folder() {
        for (given, safe) in [
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("/", "file"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("C:\\windows\\system.ini", "system.ini"),
            ("C:evil.txt", "C_evil.txt"),
            ("file.txt:stream", "file.txt_stream"),
            ("a/..", "file"),
            ("folder/", "folder"),
            (".bashrc", "bashrc"),
            ("...hidden", "hidden"),
            ("nul\0.txt", "_nul.txt"),
        ] {
            assert_eq!(safe_file_name(given), safe, "{given:?}");
        }
    }

    #[test]
    fn names_of_devices_are_no_devices_any_more() {
        for (given, safe) in [
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Lpt1.log", "_Lpt1.log"),
            ("com¹", "_com¹"),
            ("aux .c", "_aux .c"),
            ("NUL.tar.gz", "_NUL.tar.gz"),
        ] {
            assert_eq!(safe_file_name(given), safe, "{given:?}");
        }
    }

    #[test]
    fn what_is_not_seen_cannot_deceive() {
        assert_eq!(safe_file_name("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(safe_file_name("a\u{200b}b\r\n.txt"), "ab.txt");
        assert_eq!(safe_file_name("trailing. . ."), "trailing");
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let safe = safe_file_name(&format!("{}.jpeg", "ü".repeat(300)));
        assert!(safe.len() <= MAX_FILE_NAME_BYTES && safe.ends_with("ü.jpeg"), "{safe}");
        assert!(safe_file_name(&"x".repeat(1_000)).len() == MAX_FILE_NAME_BYTES);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_name_becomes_one_part_of_a_path(given in any::<String>()) {
            let safe = safe_file_name(&given);
            let path = std::path::Path::new(&safe);
            prop_assert_eq!(path.components().count(), 1, "{:?}", safe);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            prop_assert!(!safe.is_empty() && safe.len() <= MAX_FILE_NAME_BYTES);
            prop_assert_eq!(safe_file_name(&safe), safe);
        }

        #[test]
        fn nasty_names_become_one_part_of_a_path(given in "[./\\\\ :conCON1\u{202e}\0]{0,300}") {
            let safe = safe_file_name(&given);
            let path = std::path::Path::new(&safe);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))), "{:?}", safe);
            prop_assert!(!safe.ends_with(['.', ' ']) && !safe.contains(['/', '\\', ':', '\0']));
            prop_assert_eq!(safe_file_name(&safe), safe.clone());
        }
    }
}
