use super::{Expr, Filter, FilterError, Key, Number, Order, Scanner};

const CLAUSE: &str = "a property, not, has, hasRoles, all or (";
const OPERATOR: &str = "is, eq, ne, lt, le, gt, ge or in";
const VALUE: &str = "a value in quotes";
const NUMBER: &str = "a number in quotes, such as \"10\" or \"-2.5\",";
const ROLE: &str = "a role in quotes";

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    if text.len() > Filter::MAX_BYTES {
        return Err(too_long(text));
    }
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0, clauses: 0 };
    let expr = parser.disjunction()?;
    match parser.scanner.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.scanner.expected("and, or or the end")),
    }
}

/// The error of an expression that is longer than it may be, at the first character that is too much.
pub(super) fn too_long(text: &str) -> FilterError {
    let fits =
        text.char_indices().take_while(|(at, character)| at + character.len_utf8() <= Filter::MAX_BYTES);
    let column = fits.count() + 1;
    FilterError::new(text, column, format!("no more than {} bytes", Filter::MAX_BYTES))
}

/// Reads clause by clause; spaces before a piece are taken with the one before it.
struct Parser<'a> {
    scanner: Scanner<'a>,
    /// Parentheses and `not` that are open.
    depth: usize,
    /// Comparisons so far.
    clauses: usize,
}

/// A comparison's operator.
enum Operator {
    Is,
    Ne,
    Order(Order),
    In,
}

impl Parser<'_> {
    fn disjunction(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.conjunction()?];
        while self.scanner.eat_word("or") {
            terms.push(self.conjunction()?);
        }
        Ok(one_or(terms, Expr::Or))
    }

    fn conjunction(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.negation()?];
        while self.scanner.eat_word("and") {
            terms.push(self.negation()?);
        }
        Ok(one_or(terms, Expr::And))
    }

    /// A clause, or something in parentheses, after any number of `not`; and the spaces after it.
    fn negation(&mut self) -> Result<Expr, FilterError> {
        self.scanner.skip_space();
        let expr = if self.scanner.peek() == Some('(') {
            self.within(|parser| {
                parser.scanner.eat('(');
                let inner = parser.disjunction()?;
                if parser.scanner.eat(')') { Ok(inner) } else { Err(parser.scanner.expected("and, or or )")) }
            })?
        } else if self.scanner.word().eq_ignore_ascii_case("not") && !self.is_key() {
            self.within(|parser| {
                parser.scanner.eat_word("not");
                parser.negation().map(|inner| Expr::Not(Box::new(inner)))
            })?
        } else {
            self.clause()?
        };
        self.scanner.skip_space();
        Ok(expr)
    }

    /// Reads what stands one level deeper.
    fn within(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Expr, FilterError>,
    ) -> Result<Expr, FilterError> {
        if self.depth == Filter::MAX_DEPTH {
            let most = format!("no more than {} parentheses and nots within each other", Filter::MAX_DEPTH);
            return Err(self.scanner.expected(most));
        }
        self.depth += 1;
        let expr = read(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    /// Whether the next word is a key, whatever it says: a comparison and the beginning of its value follow.
    fn is_key(&self) -> bool {
        let mut ahead = self.scanner;
        ahead.skip(ahead.word().len());
        ahead.skip_space();
        let Some(operator) = operator(&mut ahead) else { return false };
        ahead.skip_space();
        if matches!(operator, Operator::In) && (ahead.eat('[') || ahead.eat('{')) {
            ahead.skip_space();
        }
        ahead.at_quote()
    }

    fn clause(&mut self) -> Result<Expr, FilterError> {
        if self.scanner.word().is_empty() {
            return Err(self.scanner.expected(CLAUSE));
        }
        if !self.is_key() {
            let mut ahead = self.scanner;
            if ahead.eat_before_list("hasRoles") {
                self.scanner = ahead;
                return Ok(Expr::HasRoles { roles: self.list(ROLE)? });
            }
            if self.scanner.word().eq_ignore_ascii_case("all") {
                self.count()?;
                self.scanner.eat_word("all");
                return Ok(Expr::All);
            }
            if self.scanner.word().eq_ignore_ascii_case("has") {
                self.count()?;
                self.scanner.eat_word("has");
                self.scanner.skip_space();
                return self.key("a property").map(|key| Expr::Has { key });
            }
        }
        let start = self.scanner;
        let key = self.key(CLAUSE)?;
        self.scanner.skip_space();
        let Some(operator) = operator(&mut self.scanner) else {
            return Err(self.scanner.expected(OPERATOR));
        };
        if let Operator::In = operator {
            return Ok(Expr::In { key, values: self.list(VALUE)? });
        }
        self.count_at(&start)?;
        self.scanner.skip_space();
        let value_at = self.scanner;
        Ok(match operator {
            Operator::Order(order) => {
                let value = self.scanner.quoted(NUMBER)?;
                let number = Number::parse(&value).ok_or_else(|| value_at.expected(NUMBER))?;
                Expr::Compare { key, order, number }
            }
            Operator::Ne => Expr::Ne { key, value: self.scanner.quoted(VALUE)? },
            Operator::Is | Operator::In => Expr::Is { key, value: self.scanner.quoted(VALUE)? },
        })
    }

    /// The next word as a key.
    fn key(&mut self, expected: &'static str) -> Result<Key, FilterError> {
        let word = self.scanner.word();
        if word.is_empty() {
            return Err(self.scanner.expected(expected));
        }
        let key = Key::new(word, self.scanner.column());
        self.scanner.skip(word.len());
        Ok(key)
    }

    /// Values in brackets or in none, apart by spaces or commas.
    fn list(&mut self, what: &'static str) -> Result<Vec<String>, FilterError> {
        self.scanner.skip_space();
        let bracket = [('[', ']'), ('{', '}')].into_iter().find(|(open, _)| self.scanner.eat(*open));
        self.scanner.skip_space();
        let mut values = Vec::new();
        loop {
            self.count()?;
            values.push(self.scanner.quoted(what)?);
            let after = self.scanner;
            let mut apart = self.scanner.skip_space();
            if self.scanner.eat(',') {
                self.scanner.skip_space();
                // A comma promises another.
                if !self.scanner.at_quote() {
                    return Err(self.scanner.expected(what));
                }
                apart = true;
            }
            if self.scanner.at_quote() {
                // As in other languages, where a doubled quote stands for one.
                if apart {
                    continue;
                }
                return Err(self.scanner.expected("a comma or a space"));
            }
            return match bracket {
                None => {
                    self.scanner = after;
                    Ok(values)
                }
                Some((_, close)) if self.scanner.eat(close) => Ok(values),
                Some((_, close)) => Err(self.scanner.expected(format!("{what} or {close}"))),
            };
        }
    }

    /// One comparison more, which begins here.
    fn count(&mut self) -> Result<(), FilterError> {
        let here = self.scanner;
        self.count_at(&here)
    }

    fn count_at(&mut self, place: &Scanner<'_>) -> Result<(), FilterError> {
        self.clauses += 1;
        if self.clauses > Filter::MAX_CLAUSES {
            let most = format!("no more than {} comparisons and values", Filter::MAX_CLAUSES);
            return Err(place.expected(most));
        }
        Ok(())
    }
}

/// Takes a comparison's operator, if there is one.
fn operator(scanner: &mut Scanner<'_>) -> Option<Operator> {
    let known = [
        ("is", Operator::Is),
        ("eq", Operator::Is),
        ("ne", Operator::Ne),
        ("lt", Operator::Order(Order::Lt)),
        ("le", Operator::Order(Order::Le)),
        ("gt", Operator::Order(Order::Gt)),
        ("ge", Operator::Order(Order::Ge)),
    ];
    if scanner.eat_before_list("in") {
        return Some(Operator::In);
    }
    known.into_iter().find(|(name, _)| scanner.eat_word(name)).map(|(_, operator)| operator)
}

/// The only term, or all of them joined.
fn one_or(mut terms: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            join(terms)
        }
    }
}
