//! Reads the text of a shape.

use super::{
    Body, Definition, Fields, Form, STREAM, Scalar, Schema, SchemaError, Variant, items_of,
};

/// How deep a text may nest: values deeper than this cannot be sent either.
const DEPTH_MAX: usize = 256;

/// Reads one text, from its beginning on.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// What is left of [`FORMS_MAX`].
    room: usize,
    /// Those that are not finished yet are of no name.
    definitions: Vec<Definition>,
}

type Parsed<T> = Result<T, SchemaError>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, room: FORMS_MAX, definitions: Vec::new() }
    }

    pub(super) fn schema(mut self) -> Parsed<Schema> {
        let root = self.place()?;
        if self.at < self.text.len() {
            return Err(self.error());
        }
        // A newtype is as what it holds, and cannot hold itself.
        if (0..self.definitions.len()).any(|number| self.is_circular(number)) {
            return Err(self.error());
        }
        Ok(Schema { root, definitions: self.definitions })
    }

    fn is_circular(&self, number: usize) -> bool {
        let held = |number: &usize| match &self.definitions.get(*number)?.body {
            Body::Struct(Fields::Positional(forms)) => match &forms[..] {
                [Form::Named(held)] => Some(*held),
                _ => None,
            },
            Body::Struct(_) | Body::Enum(_) | Body::Unclear(_) => None,
        };
        std::iter::successors(Some(number), held).nth(self.definitions.len()).is_some()
    }

    /// One form, or several of which nobody can tell which one a value has.
    fn place(&mut self) -> Parsed<Form> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error());
        }
        let start = self.at;
        let form = self.form()?;
        let mut is_clear = true;
        while self.eat("|") {
            is_clear = false;
            self.form()?;
        }
        self.hidden_by()?;
        self.depth -= 1;
        Ok(match form {
            Form::Unknown(_) => Form::Unknown(self.since(start)),
            form if is_clear => form,
            _ => Form::Unknown(self.since(start)),
        })
    }

    fn form(&mut self) -> Parsed<Form> {
        if self.eat("?") {
            return Ok(Form::Unknown(String::new()));
        }
        if self.eat("#") {
            let digits = self.while_matches(|c| c.is_ascii_digit());
            let number: usize = digits.parse().map_err(|_| self.error())?;
            let definition = self.definitions.get(number).ok_or_else(|| self.error())?;
            return Ok(named(number, &definition.name));
        }
        if self.rest().starts_with('(') {
            return Ok(Form::Tuple(self.positions()?));
        }
        let word = self.while_matches(|c| c.is_ascii_alphanumeric());
        match word {
            "option" => {
                let [form] = self.parameters()?;
                Ok(Form::Option(Box::new(form)))
            }
            "seq" => {
                let [form] = self.parameters()?;
                Ok(Form::Seq(Box::new(form)))
            }
            "map" => {
                let [key, value] = self.parameters()?;
                Ok(Form::Map(Box::new(key), Box::new(value)))
            }
            "struct" | "enum" => self.definition(word == "enum"),
            "any" => Ok(Form::Unknown(String::new())),
            word => scalar(word).map(Form::Scalar).ok_or_else(|| self.error()),
        }
    }

    fn parameters<const N: usize>(&mut self) -> Parsed<[Form; N]> {
        self.expect("<")?;
        let forms = self.until(">", Self::place)?;
        forms.try_into().map_err(|_| self.error())
    }

    fn definition(&mut self, is_enum: bool) -> Parsed<Form> {
        self.expect(" ")?;
        let number = self.definitions.len();
        let name = self.identifier()?;
        let body = Body::Struct(Fields::Unit);
        self.definitions.push(Definition { name: name.clone(), body });
        let start = self.at;
        let body = if is_enum {
            let are_aliased = self.aliases()?;
            self.expect("{")?;
            let mut next = 0;
            let variants = self.until("}", |parser| {
                let variant = parser.variant(next);
                next += 1;
                variant
            })?;
            if are_aliased { Body::Unclear(self.since(start)) } else { Body::Enum(variants) }
        } else if self.rest().starts_with(['[', '{']) {
            Body::Struct(self.named_fields()?)
        } else if self.rest().starts_with('(') {
            Body::Struct(Fields::Positional(self.positions()?))
        } else {
            Body::Struct(Fields::Unit)
        };
        self.hidden_by()?;
        if let Some(definition) = self.definitions.get_mut(number) {
            definition.body = body;
        }
        Ok(named(number, &name))
    }

    fn field(&mut self) -> Parsed<(String, Form)> {
        let name = self.identifier()?;
        self.expect(":")?;
        Ok((name, self.place()?))
    }

    fn variant(&mut self, index: u32) -> Parsed<Variant> {
        let name = self.identifier()?;
        let start = self.at;
        let mut fields = self.held()?;
        while self.eat("|") {
            // Which of several it holds, nobody can tell.
            self.held()?;
            fields = Fields::Positional(vec![Form::Unknown(self.since(start))]);
        }
        self.hidden_by()?;
        Ok(Variant { name, index, fields })
    }

    /// What a variant holds.
    fn held(&mut self) -> Parsed<Fields> {
        if self.eat(":") {
            // It was not seen.
            Ok(Fields::Positional(vec![self.place()?]))
        } else if self.rest().starts_with(['[', '{']) {
            self.named_fields()
        } else if self.rest().starts_with('(') {
            Ok(Fields::Positional(self.positions()?))
        } else {
            Ok(Fields::Unit)
        }
    }

    /// `{a:u8}`, or `[a,b]{u8}`: with aliases among the names nobody can tell which name is whose.
    fn named_fields(&mut self) -> Parsed<Fields> {
        let start = self.at;
        if self.aliases()? {
            self.expect("{")?;
            self.until("}", Self::place)?;
            return Ok(Fields::Positional(vec![Form::Unknown(self.since(start))]));
        }
        self.expect("{")?;
        Ok(Fields::Named(self.until("}", Self::field)?))
    }

    /// The names, where some are aliases.
    fn aliases(&mut self) -> Parsed<bool> {
        let are_there = self.eat("[");
        if are_there {
            self.until("]", Self::identifier)?;
        }
        Ok(are_there)
    }

    fn since(&self, start: usize) -> String {
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    /// `(a,b*3)`.
    fn positions(&mut self) -> Parsed<Vec<Form>> {
        self.expect("(")?;
        let positions = self.until(")", |parser| {
            let form = parser.place()?;
            let times = if parser.eat("*") {
                let digits = parser.while_matches(|c| c.is_ascii_digit());
                digits.parse().map_err(|_| parser.error())?
            } else {
                1
            };
            let size = form.size().checked_mul(times).filter(|size| *size <= parser.room);
            parser.room -= size.ok_or_else(|| parser.error())?;
            Ok(vec![form; times])
        })?;
        Ok(positions.concat())
    }

    /// A list between commas, up to what ends it.
    fn until<T>(
        &mut self,
        end: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(end) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// The name of the Rust type that hides something: not wanted.
    fn hidden_by(&mut self) -> Parsed<()> {
        while self.eat("!") {
            self.quoted()?;
        }
        Ok(())
    }

    fn identifier(&mut self) -> Parsed<String> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        match self.while_matches(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            "" => Err(self.error()),
            name => Ok(name.to_owned()),
        }
    }

    /// A string as Rust's `Debug` writes it.
    fn quoted(&mut self) -> Parsed<String> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\']).ok_or_else(|| self.error())?;
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            if self.eat("\"") {
                return Ok(text);
            }
            self.expect("\\")?;
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let escaped = self.rest().chars().next().ok_or_else(|| self.error())?;
        self.at += escaped.len_utf8();
        match escaped {
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            '0' => Ok('\0'),
            'u' => {
                self.expect("{")?;
                let digits = self.while_matches(|c| c.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).map_err(|_| self.error())?;
                self.expect("}")?;
                char::from_u32(code).ok_or_else(|| self.error())
            }
            other => Ok(other),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, what: &str) -> bool {
        let is_next = self.rest().starts_with(what);
        self.at += if is_next { what.len() } else { 0 };
        is_next
    }

    fn expect(&mut self, what: &str) -> Parsed<()> {
        if self.eat(what) { Ok(()) } else { Err(self.error()) }
    }

    fn while_matches(&mut self, matches: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !matches(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn error(&self) -> SchemaError {
        SchemaError { at: self.at, text: self.text.to_owned() }
    }
}

/// How many forms the positions of one text may come to: more than any argument that one types.
const FORMS_MAX: usize = 1 << 20;

fn named(number: usize, name: &str) -> Form {
    match name.strip_prefix(STREAM) {
        Some(items) => Form::Stream(items_of(items).to_owned()),
        None => Form::Named(number),
    }
}

fn scalar(word: &str) -> Option<Scalar> {
    let bits = || word.get(1..)?.parse().ok();
    Some(match word {
        "bool" => Scalar::Bool,
        "char" => Scalar::Char,
        "string" => Scalar::String,
        "bytes" => Scalar::Bytes,
        "unit" => Scalar::Unit,
        "i8" | "i16" | "i32" | "i64" | "i128" => Scalar::Signed { bits: bits()? },
        "u8" | "u16" | "u32" | "u64" | "u128" => Scalar::Unsigned { bits: bits()? },
        "f32" | "f64" => Scalar::Float { bits: bits()? },
        _ => return None,
    })
}
