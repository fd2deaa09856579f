//! The table itself: no operation has a hole.

use std::collections::BTreeSet;

use keyfob_admin::{Argument, Method, OPERATIONS, Place, Returns, Risk, operation};

#[test]
fn every_operation_has_a_route_and_a_verb_of_its_own() {
    let mut routes = BTreeSet::new();
    let mut verbs = BTreeSet::new();
    let mut names = BTreeSet::new();
    for row in &OPERATIONS {
        assert!(names.insert(row.name), "{} stands twice in the table", row.name);
        assert!(
            routes.insert((row.method.as_str(), row.path)),
            "{} {} is the route of two",
            row.method.as_str(),
            row.path
        );
        let words = row.verb.split(' ').count();
        assert!((1..=2).contains(&words), "`{}` is one word or two", row.verb);
        assert!(
            verbs.insert(row.verb.to_owned()),
            "`{}` is the verb of two",
            row.verb
        );
        if let Some(alias) = row.alias {
            let (noun, _) = row.verb.rsplit_once(' ').unwrap();
            assert!(
                verbs.insert(format!("{noun} {alias}")),
                "`{noun} {alias}` is the verb of two"
            );
        }
        assert!(
            row.path.starts_with('/') && !row.path.ends_with('/'),
            "{}",
            row.path
        );
        assert!(!row.about.ends_with('.') && !row.about.is_empty(), "{}", row.name);
    }
    // A verb of one word is no noun before others.
    for row in OPERATIONS.iter().filter(|row| !row.verb.contains(' ')) {
        let noun = format!("{} ", row.verb);
        let other = verbs.iter().find(|verb| verb.starts_with(&noun));
        assert_eq!(other, None, "`{}` is a verb and a noun", row.verb);
    }
}

#[test]
fn every_operation_that_writes_is_taken_back_or_confirmed() {
    for row in &OPERATIONS {
        match row.risk {
            Risk::Read => {
                assert_eq!(row.method, Method::Get, "{} reads", row.name);
                assert!(
                    !matches!(row.returns, Returns::Nothing | Returns::Secret(_)),
                    "{}",
                    row.name
                );
            }
            Risk::Reversible { inverse } => {
                let inverse = operation(inverse)
                    .unwrap_or_else(|| panic!("`{inverse}`, which takes {} back, is none", row.name));
                assert_ne!(inverse.risk, Risk::Read, "{} takes nothing back", inverse.name);
                assert_ne!(row.method, Method::Get, "{} writes", row.name);
            }
            Risk::Harmless => {
                assert!(["testWebhook", "redeliver"].contains(&row.name), "{}", row.name);
                assert_eq!(row.method, Method::Post, "{} sends", row.name);
            }
            _ => assert_ne!(row.method, Method::Get, "{} writes", row.name),
        }
    }
}

#[test]
fn what_the_sources_call_dangerous_is_confirmed() {
    for name in [
        "unlink",
        "refreshToken",
        "revokeToken",
        "purgeUser",
        "removeDomain",
        "deleteAccessGroup",
        "deleteLevel",
        "deleteDoor",
        "deleteOrganization",
    ] {
        assert_eq!(
            operation(name).map(|row| row.risk),
            Some(Risk::Confirmed),
            "{name}"
        );
    }
}

#[test]
fn the_parameters_of_an_operation_are_those_of_its_path_and_fit_its_method() {
    for row in &OPERATIONS {
        let in_path: Vec<&str> = row
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let declared = row
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Path);
        let declared: Vec<&str> = declared.map(|parameter| parameter.name).collect();
        assert_eq!(in_path, declared, "{}", row.name);
        let mut options = BTreeSet::new();
        let mut lists = 0;
        for parameter in row.parameters {
            let is_of_body = parameter.place == Place::Body;
            let takes_body = !matches!(row.method, Method::Get | Method::Delete);
            assert!(!is_of_body || takes_body, "{} of {}", parameter.name, row.name);
            if parameter.argument == Argument::Positional {
                assert!(
                    parameter.is_required,
                    "{} of {} is given by its place",
                    parameter.name, row.name
                );
                assert_eq!(lists, 0, "{}: a list comes last", row.name);
                lists += usize::from(parameter.kind == keyfob_admin::Kind::Texts);
            }
            if let Argument::Option(option) = parameter.argument {
                assert!(options.insert(option), "--{option} of {} stands twice", row.name);
                let global = [
                    "store", "org", "json", "server", "yes", "dry-run", "reason", "all", "follow",
                ];
                assert!(!global.contains(&option), "--{option} of {} is global", row.name);
            }
            let is_org = parameter.argument == Argument::Organization;
            assert_eq!(is_org, parameter.name == "org", "{}", row.name);
            assert!(
                !parameter.about.ends_with('.'),
                "{} of {}",
                parameter.name,
                row.name
            );
        }
        if matches!(row.returns, Returns::Page(_)) && row.name != "listGrants" {
            for name in ["limit", "after"] {
                let has = row.parameters.iter().any(|parameter| parameter.name == name);
                assert!(has, "{} is a list without `{name}`", row.name);
            }
        }
    }
}
