//! The pages of the book that say how a provider is set up.

use std::{fmt::Write as _, fs};

use keyfob_core::{Object, Value};

use crate::fixture::Fixture;

/// The committed pages. `KEYFOB_WRITE_GUIDES=1 cargo test -p keyfob-admin --test admin` writes them.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers");

#[test]
fn the_pages_of_the_book_are_the_guides() {
    let fixture = Fixture::new();
    for provider in ["entra", "okta", "google", "onelogin", "jumpcloud", "other"] {
        // An organization of the profile accessiq has no cards, and no further mappings.
        let guide = fixture.done("showGuide", &[("org", "Umbrella"), ("provider", provider)]);
        let with_cards = fixture.done("showGuide", &[("org", "Acme"), ("provider", provider)]);
        let page = page(provider, &guide, &with_cards);
        let path = format!("{COMMITTED}/{provider}.md");
        if std::env::var_os("KEYFOB_WRITE_GUIDES").is_some() {
            fs::write(&path, &page).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == page,
            "{path}: write it anew: KEYFOB_WRITE_GUIDES=1 cargo test -p keyfob-admin --test admin"
        );
    }
}

/// Writes a guide as Markdown.
fn page(provider: &str, guide: &Object, with_cards: &Object) -> String {
    let users = texts(guide, "userMappings");
    let cards: Vec<_> = texts(with_cards, "userMappings")
        .into_iter()
        .filter(|row| !users.contains(row))
        .collect();
    let mut page = format!("# {}\n\n", guide.get_str("title").unwrap());
    writeln!(
        page,
        "`keyfob admin guide {provider}` prints this guide with the values of an organization. Here the base URL is that of\n\
         `scim.example.com`, and the organization has no token yet.\n\n## Steps\n"
    )
    .unwrap();
    for (number, step) in texts(guide, "steps").iter().enumerate() {
        writeln!(page, "{}. {step}", number + 1).unwrap();
    }
    page += "\n## Attributes of users\n\n";
    table(&mut page, &users);
    let groups = texts(guide, "groupMappings");
    if !groups.is_empty() {
        page += "\n## Attributes of groups\n\n";
        table(&mut page, &groups);
    }
    page += "\n## Attributes of cards\n\nWith the profile `verkada`, the guide has these too:\n\n";
    table(&mut page, &cards);
    page += "\n## Notes\n\n";
    for note in texts(guide, "notes") {
        writeln!(page, "- {note}").unwrap();
    }
    page
}

/// Writes mappings as a table: target, source and kind.
fn table(page: &mut String, mappings: &[&str]) {
    *page += "| attribute | source | kind |\n|---|---|---|\n";
    for mapping in mappings {
        let [target, source, kind] = mapping.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("`{mapping}` is not a target, a source and a kind");
        };
        writeln!(page, "| `{target}` | `{source}` | {kind} |").unwrap();
    }
}

fn texts<'a>(guide: &'a Object, name: &str) -> Vec<&'a str> {
    let elements = guide.get(name).map(Value::as_elements).unwrap_or_default();
    elements.iter().filter_map(Value::as_str).collect()
}
