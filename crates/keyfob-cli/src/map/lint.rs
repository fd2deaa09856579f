//! `keyfob map lint`.

use std::path::PathBuf;

use clap::ValueEnum;
use keyfob_core::render::Printable;
use keyfob_expression::{
    Lint, Options, Program,
    lint::{self, Level},
};
use keyfob_mapping::{MappingLint, ObjectMapping};
use serde_json::json;

use super::{
    eval::lint_to_json,
    evaluating::Evaluating,
    mapping::{Loaded, TargetOptions},
    rendered,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The expression
    #[arg(
        value_name = "EXPR",
        required_unless_present = "mapping",
        conflicts_with = "mapping"
    )]
    expression: Option<String>,
    /// Or a mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; `-` is standard input
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    target: TargetOptions,
    /// The lowest level that makes the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Deny::Error)]
    deny: Deny,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// The levels by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deny {
    /// Anything that is said
    Note,
    /// Likely mistakes
    Warn,
    /// Expressions and mappings that can't work
    Error,
}

impl Deny {
    fn level(self) -> Level {
        match self {
            Self::Note => Level::Note,
            Self::Warn => Level::Warning,
            Self::Error => Level::Error,
        }
    }
}

/// Prints what can't work and what is probably a mistake.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let options = arguments.evaluating.options();
    let mut report = Report {
        json: arguments.json,
        worst: None,
    };
    match &arguments.mapping {
        None => report.expression(arguments.expression.as_deref().unwrap_or_default(), &options)?,
        Some(file) => {
            let loaded = arguments.target.load(&input::read(file)?);
            for loaded in loaded.map_err(|error| error.within(file))? {
                report.mapping(&loaded, &options)?;
            }
        }
    }
    let denied = report.worst.is_some_and(|worst| worst >= arguments.deny.level());
    Ok(if denied { Answer::Negative } else { Answer::Done })
}

/// The remarks that were printed, and the worst level of them.
struct Report {
    json: bool,
    worst: Option<Level>,
}

impl Report {
    fn expression(&mut self, text: &str, options: &Options) -> Result<(), Unusable> {
        if let Err(error) = Program::read(text, options) {
            let (shown, message) = (error.display_with(text), error.to_string());
            let span = error.span_in(text).map(|span| [span.start, span.end]);
            return self.fault(None, error.class().as_str(), &shown, &message, span);
        }
        for lint in lint::expression(text, options)? {
            self.lint(None, &lint, text)?;
        }
        Ok(())
    }

    fn mapping(&mut self, loaded: &Loaded, options: &Options) -> Result<(), Unusable> {
        let mapping = &loaded.mapping;
        let Some(target) = &loaded.target else {
            let told = format!(
                "nothing is known of the target `{}`; say which with --type, or give its schemas with --target-schema",
                mapping.target
            );
            return self.fault(None, "target", &told, &told, None);
        };
        for fault in mapping.faults(&target.resource_type, options) {
            let shown = fault.display_in(mapping);
            let text = expression_of(mapping, fault.target.as_deref());
            let span = fault.span_in(text).map(|span| [span.start, span.end]);
            self.fault(
                fault.target.as_deref(),
                "mapping",
                &shown,
                &fault.kind.to_string(),
                span,
            )?;
        }
        let mut lints = mapping.lints(&target.resource_type, options);
        if let Some(source) = &loaded.source {
            lints.extend(mapping.unknown_sources(source, options));
        }
        if let Some(defined) = &loaded.defined {
            lints.extend(mapping.unknown_targets(defined));
        }
        for MappingLint { target, lint, .. } in &lints {
            let text = expression_of(mapping, target.as_deref());
            self.lint(Some(target.as_deref().unwrap_or("the mapping")), lint, text)?;
        }
        Ok(())
    }

    fn fault(
        &mut self,
        target: Option<&str>,
        kind: &str,
        shown: &str,
        message: &str,
        span: Option<[usize; 2]>,
    ) -> Result<(), Unusable> {
        self.worst = Some(Level::Error);
        if self.json {
            let line =
                json!({"level": "error", "id": kind, "sentence": message, "span": span, "target": target});
            output::json(line.to_string())?;
        } else {
            output::lines(&format!("error: {shown}"))?;
        }
        Ok(())
    }

    fn lint(&mut self, target: Option<&str>, lint: &Lint, text: &str) -> Result<(), Unusable> {
        self.worst = self.worst.max(Some(lint.level));
        if self.json {
            let mut printed = lint_to_json(lint);
            if let (Some(members), Some(target)) = (printed.as_object_mut(), target) {
                members.insert("target".into(), target.into());
            }
            output::json(printed.to_string())?;
        } else {
            let place = target
                .map(|target| format!("`{}`: ", Printable(target)))
                .unwrap_or_default();
            let level = if lint.level == Level::Note { "note: " } else { "" };
            output::lines(&format!("{level}{place}{}", rendered(lint, text)))?;
        }
        Ok(())
    }
}

fn expression_of<'m>(mapping: &'m ObjectMapping, target: Option<&str>) -> &'m str {
    let mut attributes = mapping.attributes.iter();
    let attribute = attributes.find(|attribute| Some(attribute.target.as_str()) == target);
    attribute
        .and_then(|attribute| attribute.expression.as_deref())
        .unwrap_or_default()
}
