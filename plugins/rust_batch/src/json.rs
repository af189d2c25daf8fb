//! As much JSON as this plugin needs: values are read, results are written with `format!`. A plugin that may have
//! dependencies takes serde_json instead.

/// A value. Numbers are f64, exact up to 2^53.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

const MAX_DEPTH: usize = 100;
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// `None`: malformed, or deeper than 100.
    pub fn parse(text: &str) -> Option<Value> {
        let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
        let value = reader.value(0)?;
        reader.blanks();
        if reader.at == reader.bytes.len() {
            Some(value)
        } else {
            None
        }
    }

    /// The member of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A number that is an integer from 0 on.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Number(number) if *number >= 0.0 && *number <= MAX_EXACT && number.fract() == 0.0 => {
                Some(*number as u64)
            }
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The text between quotes, with what must be escaped.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: &str) -> Option<()> {
        if self.bytes[self.at..].starts_with(wanted.as_bytes()) {
            self.at += wanted.len();
            return Some(());
        }
        None
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.peek()? {
            b'n' => self.take("null").map(|_| Value::Null),
            b't' => self.take("true").map(|_| Value::Bool(true)),
            b'f' => self.take("false").map(|_| Value::Bool(false)),
            b'"' => self.text().map(Value::Text),
            b'[' => self.list(depth),
            b'{' => self.object(depth),
            _ => self.number(),
        }
    }

    /// After the opening bracket: true when the closing one follows at once.
    fn closes(&mut self, end: &str) -> bool {
        self.at += 1;
        self.blanks();
        self.take(end).is_some()
    }

    /// After an element: Some(true) behind the closing bracket, Some(false) behind a comma.
    fn ends(&mut self, end: &str) -> Option<bool> {
        self.blanks();
        if self.take(end).is_some() {
            return Some(true);
        }
        self.take(",").map(|_| false)
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        if self.closes("]") {
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends("]")? {
                return Some(Value::List(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        if self.closes("}") {
            return Some(Value::Object(members));
        }
        loop {
            self.blanks();
            let name = self.text()?;
            self.blanks();
            self.take(":")?;
            members.push((name, self.value(depth + 1)?));
            if self.ends("}")? {
                return Some(Value::Object(members));
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
        // What Rust reads as a number and JSON does not begins otherwise.
        if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().map(Value::Number)
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut out = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return String::from_utf8(out).ok();
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                c => {
                    out.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let c = self.peek()?;
        self.at += 1;
        let plain = match c {
            b'"' | b'\\' | b'/' => c,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.code_point()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return None,
        };
        out.push(plain);
        Some(())
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// Behind `\u`: one code unit, or two that belong together.
    fn code_point(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        self.take("\\u")?;
        let low = self.hex4()?;
        if !(0xdc00..0xe000).contains(&low) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let read = Value::parse(r#" {"a": [1, -2.5e1, true, null], "b": {"c": "x\né😀"}} "#).unwrap();
        let list = read.get("a").unwrap();
        assert_eq!(*list, Value::List(vec![Value::Number(1.0), Value::Number(-25.0), Value::Bool(true), Value::Null]));
        assert_eq!(read.get("b").and_then(|b| b.get("c")).and_then(Value::as_str), Some("x\né😀"));
        assert_eq!(Value::parse(r#""é😀\n""#), Some(Value::Text("é😀\n".into())));
        assert_eq!(Value::parse("[]"), Some(Value::List(vec![])));
        assert_eq!(Value::parse("7").and_then(|v| v.as_u64()), Some(7));
        assert_eq!(Value::parse("7.5").and_then(|v| v.as_u64()), None);
        assert_eq!(Value::parse("-7").and_then(|v| v.as_u64()), None);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in
            ["", "{", "[1", "[1,]", "{\"a\"}", "\"", "\"\\x\"", "\"\\ud800\"", "\"\\u12\"", "tru", "1 2", "+1", "inf"]
        {
            assert_eq!(Value::parse(text), None, "{}", text);
        }
        assert_eq!(Value::parse(&"[".repeat(100_000)), None);
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        assert_eq!(Value::parse(&quoted("a\"b\\c\n")), Some(Value::Text("a\"b\\c\n".into())));
    }
}
