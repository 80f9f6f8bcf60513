// Reads `cases.txt`; included by the tests of two crates.

/// What the suite says about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every parser has to accept it.
    MustAccept,
    /// Every parser has to refuse it.
    MustReject,
    /// Left to the parser.
    Open,
}

/// One text of the suite, valid or not, UTF-8 or not.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its file name in the suite, without the ending.
    pub(crate) name: &'static str,
    /// What is right.
    pub(crate) kind: Kind,
    /// The text.
    pub(crate) bytes: Vec<u8>,
}

/// All 318 cases.
pub(crate) fn cases() -> Vec<Case> {
    include_str!("cases.txt").lines().map(read).collect()
}

fn read(line: &'static str) -> Case {
    let (name, escaped) = line.split_once('\t').expect("a name and a text");
    let kind = match name.get(..2) {
        Some("y_") => Kind::MustAccept,
        Some("n_") => Kind::MustReject,
        _ => Kind::Open,
    };
    Case { name, kind, bytes: unescape(escaped) }
}

fn unescape(mut rest: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend(plain.bytes());
        rest = if let Some(after) = escape.strip_prefix('\\') {
            bytes.push(b'\\');
            after
        } else if let Some(repeated) = escape.strip_prefix('{') {
            let (count, piece) = repeated.split_once(':').expect("a count");
            let (piece, after) = piece.split_once('}').expect("the end of a repeated text");
            bytes.extend(piece.repeat(count.parse().expect("a number")).bytes());
            after
        } else {
            let (digits, after) = escape.split_at(3);
            bytes.push(u8::from_str_radix(digits.trim_start_matches('x'), 16).expect("two digits"));
            after
        };
    }
    bytes.extend(rest.bytes());
    bytes
}
