use super::{FilterError, Key};

/// A place in an expression, and the pieces that can be read from there.
///
/// What a piece is depends on where it stands (`in[` is an operator and a bracket, or a key), so the parser asks for what
/// it looks for. Copied to look ahead.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
    column: usize,
}

impl<'a> Scanner<'a> {
    pub(in crate::domain) const fn new(text: &'a str) -> Self {
        Self { text, rest: text, column: 1 }
    }

    /// The column of the next character, from 1, in characters.
    pub(in crate::domain) const fn column(&self) -> usize {
        self.column
    }

    /// An error here.
    pub(in crate::domain) fn expected(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> FilterError {
        FilterError::new(self.text, self.column, what)
    }

    /// The next character.
    pub(in crate::domain) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(in crate::domain) fn at_quote(&self) -> bool {
        matches!(self.peek(), Some('"' | '\''))
    }

    /// Takes the next character.
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        self.column += 1;
        Some(next)
    }

    /// Takes the next character if it is that one.
    pub(in crate::domain) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    /// Takes spaces, tabs and line ends; whether there were any.
    pub(in crate::domain) fn skip_space(&mut self) -> bool {
        let before = self.column;
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.next();
        }
        self.column > before
    }

    /// The run of characters that a key may hold, which may be empty.
    pub(super) fn word(&self) -> &'a str {
        let end = self.rest.find(|character| !Key::may_hold(character)).unwrap_or(self.rest.len());
        self.rest.get(..end).unwrap_or_default()
    }

    /// Takes that word, in any case, if it is the whole of the next run.
    pub(super) fn eat_word(&mut self, wanted: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(wanted);
        if found {
            self.skip(wanted.len());
        }
        found
    }

    /// Takes that word, in any case, if the next run is it, or it and a bracket.
    pub(super) fn eat_before_list(&mut self, wanted: &str) -> bool {
        let word = self.word();
        let found = word.get(..wanted.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(wanted))
            && word.get(wanted.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '{']));
        if found {
            self.skip(wanted.len());
        }
        found
    }

    /// Takes so many bytes of a word.
    pub(super) fn skip(&mut self, bytes: usize) {
        if let Some((word, rest)) = self.rest.split_at_checked(bytes) {
            self.column += word.chars().count();
            self.rest = rest;
        }
    }

    /// Takes a text in quotes; an error if there is none, or if it does not end.
    pub(in crate::domain) fn quoted(&mut self, what: &'static str) -> Result<String, FilterError> {
        let quote = match self.peek() {
            Some(quote @ ('"' | '\'')) => quote,
            // What a word processor makes of them.
            Some('“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»') => {
                return Err(self.expected(format!("{what}: straight ones, \" or '")));
            }
            _ => return Err(self.expected(what)),
        };
        self.next();
        let mut value = String::new();
        loop {
            match self.next() {
                Some(character) if character == quote => return Ok(value),
                Some('\\') => match self.peek() {
                    Some(escaped @ ('"' | '\'' | '\\')) => {
                        value.push(escaped);
                        self.next();
                    }
                    _ => return Err(self.expected("\", ' or \\ after the backslash")),
                },
                Some(character) => value.push(character),
                None => return Err(self.expected(format!("a closing {quote}"))),
            }
        }
    }
}
