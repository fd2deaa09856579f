//! `keyfob map functions`: the list of functions.

use clap::ValueEnum;
use keyfob_expression::{Function, FunctionSet};
use keyfob_expression_okta as okta;
use serde_json::json;

use crate::{Answer, Unusable, output};

/// The arguments of `keyfob map functions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The function, in any case; all functions without it
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The language of the functions; all of them by default
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
    /// Prints one JSON object for each function
    #[arg(long)]
    json: bool,
}

/// The languages by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// That of Entra ID's app provisioning
    Entra,
    /// Those that cloud sync alone has
    Cloudsync,
    /// The Okta Expression Language
    Okta,
}

impl Dialect {
    fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Cloudsync => "cloudsync",
            Self::Okta => "okta",
        }
    }
}

/// A function of any language.
struct Row {
    dialect: Dialect,
    name: String,
    signature: String,
    summary: String,
    example: String,
    source: String,
    result: String,
    reference: String,
}

/// Prints the functions, or one of them with an example.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let mut rows: Vec<Row> = Function::all(FunctionSet::CloudSync)
        .map(entra)
        .chain(okta::functions().map(|function| Row {
            dialect: Dialect::Okta,
            name: function.name.into(),
            signature: function.signature.to_string(),
            summary: function.summary.into(),
            example: function.example.into(),
            source: function.source.into(),
            result: function.result.into(),
            reference: function.reference.into(),
        }))
        .collect();
    rows.retain(|row| arguments.dialect.is_none_or(|dialect| dialect == row.dialect));
    if let Some(name) = &arguments.name {
        let last = |row: &Row| {
            row.name
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .eq_ignore_ascii_case(name)
        };
        rows.retain(|row| row.name.eq_ignore_ascii_case(name) || last(row));
        if rows.is_empty() {
            output::report(&format!("there is no function `{name}`"));
            if let Err(error) = keyfob_expression::Expression::parse(&format!("{name}()"))
                && let Some(suggestion) = error.suggestion()
            {
                output::report(&format!("did you mean `{suggestion}`?"));
            }
            return Ok(Answer::Negative);
        }
    }
    for row in &rows {
        if arguments.json {
            let line = json!({
                "dialect": row.dialect.as_str(), "name": row.name, "signature": row.signature, "summary": row.summary,
                "example": {"expression": row.example, "source": row.source, "result": row.result},
                "reference": row.reference,
            });
            output::json(line.to_string())?;
        } else if arguments.name.is_some() {
            output::line(&format!("{} ({})", row.signature, row.dialect.as_str()))?;
            output::line(&format!("  {}", row.summary))?;
            let result = if row.result.is_empty() {
                "differs each time".to_owned()
            } else {
                row.result.clone()
            };
            output::line(&format!("  {} -> {result}", row.example))?;
            if row.source != "{}" {
                output::line(&format!("  with {}", row.source))?;
            }
            output::line(&format!("  {}", row.reference))?;
        } else {
            output::line(&format!("{:<10} {}", row.dialect.as_str(), row.signature))?;
        }
    }
    Ok(Answer::Done)
}

fn entra(function: Function) -> Row {
    let document = function.document();
    let text =
        |of: fn(&keyfob_expression::Document) -> &'static str| document.as_ref().map_or("", of).to_owned();
    let is_entra = Function::named(function.name(), FunctionSet::Entra).is_some();
    Row {
        dialect: if is_entra {
            Dialect::Entra
        } else {
            Dialect::Cloudsync
        },
        name: function.name().into(),
        signature: function.signature(),
        summary: text(|document| document.summary),
        example: text(|document| document.example),
        source: text(|document| document.source),
        result: text(|document| document.result),
        reference: text(|document| document.reference),
    }
}
