//! The scenarios that there are, and how what they do is known.

use keyfob_core::{name::closest, render::with_suggestion};
use keyfob_interop::simulate::{Evidence, Scenario};

use crate::{Answer, Unusable, output};

/// Returns the scenario of a provider that comes with keyfob.
pub(super) fn built_in(provider: &str) -> Result<Scenario, Unusable> {
    Scenario::built_in(provider).ok_or_else(|| {
        let known: Vec<&str> = Scenario::providers().collect();
        let near = closest(provider, known.iter().copied());
        let message = format!(
            "there is no provider `{provider}`; there are {}",
            known.join(", ")
        );
        let message = with_suggestion(message, near.as_deref());
        Unusable::new(format_args!("{message}; --scenario FILE reads one of your own"))
    })
}

/// Prints all scenarios, or one.
pub(super) fn run(providers: &[String]) -> Result<Answer, Unusable> {
    let scenarios: Vec<Scenario> = if providers.is_empty() {
        Scenario::providers().filter_map(Scenario::built_in).collect()
    } else {
        let named = providers.iter().map(|provider| built_in(provider));
        named.collect::<Result<_, _>>()?
    };
    for scenario in scenarios {
        print(&scenario)?;
    }
    Ok(Answer::Done)
}

fn print(scenario: &Scenario) -> Result<(), Unusable> {
    output::line(&format!("{}: {}", scenario.provider(), scenario.title()))?;
    let variants: Vec<(&str, &str)> = scenario.variants().collect();
    for (name, title) in &variants {
        output::line(&format!("  --variant {name}: {title}"))?;
    }
    let names: Vec<Option<&str>> = if variants.is_empty() {
        vec![None]
    } else {
        variants.iter().map(|(name, _)| Some(*name)).collect()
    };
    output::line("  steps:")?;
    let mut printed = Vec::new();
    for variant in &names {
        for (phase, step, title, evidence) in scenario.steps(*variant) {
            if printed.contains(&step) {
                continue;
            }
            printed.push(step);
            let of: Vec<&str> = names
                .iter()
                .filter(|of| scenario.steps(**of).any(|(_, name, ..)| name == step))
                .filter_map(|of| *of)
                .collect();
            let of = if of.len() == variants.len() {
                String::new()
            } else {
                format!(" ({} alone)", of.join(", "))
            };
            let evidence: Vec<String> = evidence.iter().map(|id| classified(scenario, id)).collect();
            output::line(&format!(
                "    {phase}/{step}: {title}{of} [{}]",
                evidence.join(", ")
            ))?;
        }
    }
    output::line("  evidence:")?;
    for fact in scenario.evidence() {
        let classes: Vec<&str> = fact.classes.iter().map(|class| class.as_str()).collect();
        output::line(&format!(
            "    {} ({}): {} Source: {}",
            fact.id,
            classes.join("; "),
            fact.fact,
            fact.source
        ))?;
    }
    Ok(())
}

fn classified(scenario: &Scenario, id: &str) -> String {
    let letters = |fact: &Evidence| {
        let letters: Vec<&str> = fact.classes.iter().map(|class| class.letter()).collect();
        letters.join(" ")
    };
    let fact = scenario.evidence().iter().find(|fact| fact.id == id);
    format!("{id} {}", fact.map(letters).unwrap_or_default())
}
