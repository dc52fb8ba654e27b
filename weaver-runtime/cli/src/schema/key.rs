//! What a call is routed by: arguments, or fields of some, as `#[route(…)]` names them.

use super::{Body, Dynamic, Fields, Form, Schema, Type};

impl Schema {
    /// The key of a call, which is encoded as that of a caller in Rust; otherwise the part of `route` that is not
    /// among the arguments as they travel, where a field may have another name.
    pub(crate) fn key<'a>(
        &self,
        names: &[String],
        route: &'a [String],
        arguments: &Dynamic,
    ) -> Result<Dynamic, &'a str> {
        let Dynamic::Tuple(values) = arguments else { return Err("") };
        let arguments: Vec<_> = self.arguments(names).into_iter().zip(values).collect();
        let parts = route.iter().map(|part| {
            let mut path = part.split('.');
            let name = path.next();
            let argument = arguments.iter().find(|((it, _), _)| Some(*it) == name);
            let argument = argument.map(|((_, of), value)| (*of, *value));
            let found = path.fold(argument, |at, field| at?.0.field(at?.1, field));
            found.map(|(_, value)| value.clone()).ok_or(part.as_str())
        });
        Ok(Dynamic::Tuple(parts.collect::<Result<_, _>>()?))
    }
}

impl<'a> Type<'a> {
    /// A field of a struct or a tuple, by its name or its position.
    fn field<'v>(self, value: &'v Dynamic, name: &str) -> Option<(Self, &'v Dynamic)> {
        let (at, form) = self.position(name)?;
        let Dynamic::Tuple(values) = value else { return None };
        Some((self.of(form), values.get(at)?))
    }

    fn position(self, name: &str) -> Option<(usize, &'a Form)> {
        let forms = match self.form {
            Form::Tuple(forms) => forms,
            Form::Named(number) => match &self.schema.definition(*number)?.body {
                Body::Struct(Fields::Positional(forms)) => forms,
                Body::Struct(Fields::Named(fields)) => {
                    let at = fields.iter().position(|(field, _)| field == name)?;
                    return fields.get(at).map(|(_, form)| (at, form));
                }
                _ => return None,
            },
            _ => return None,
        };
        let at = name.parse().ok()?;
        forms.get(at).map(|form| (at, form))
    }
}
