//! Reads scenarios: everything in one is understood, or it is an error with a path.

use std::time::Duration;

use http::{HeaderName, Method};
use keyfob_core::{AttrName, SmolStr, json::value_to_vec};
use keyfob_mapping::ObjectMapping;

use super::{
    Assign, Class, Each, Engine, Evidence, Expected, Failure, Given, Http, Kind, Kinds, Membership,
    ObjectState, On, PatchForm, Phase, Scenario, Send, Shape, Step, SyncCycle, Then,
    node::{Members, Node},
};
use crate::simulate::{
    error::ScenarioError,
    report::Verdict,
    template::{Text, Tree},
};

type Read<T> = Result<T, ScenarioError>;

/// The first parts of names that stand for something in every step.
const ROOTS: [&str; 9] = [
    "user", "group", "member", "moved", "joined", "manager", "other", "run", "cycle",
];
/// Names that stand for something by themselves.
const GENERATED: [&str; 6] = ["uuid", "number", "first", "last", "token", "password"];

pub(super) fn scenario(node: &Node<'_>) -> Read<Scenario> {
    let members = node.members(&[
        "provider", "title", "about", "variants", "evidence", "http", "objects", "believes", "failures",
        "engine", "phases",
    ])?;
    let variants: Vec<(SmolStr, SmolStr)> = optional(&members, "variants", |node| {
        let entries = node.entries()?;
        entries
            .into_iter()
            .map(|(name, title)| Ok((SmolStr::new(name.as_str()), title.text()?.into())))
            .collect()
    })?;
    let evidence = optional(&members, "evidence", |node| {
        node.entries()?
            .into_iter()
            .map(|(name, node)| fact(name.as_str(), &node))
            .collect()
    })?;
    if let Some(about) = members.get("about") {
        about.text()?;
    }
    let mut scenario = Scenario {
        provider: members.required("provider")?.text()?.into(),
        title: members.required("title")?.text()?.into(),
        variants: variants.clone(),
        evidence,
        http: optional(&members, "http", |node| http(node, &variants))?,
        objects: objects(&members.required("objects")?)?,
        believes: believes(&members.required("believes")?)?,
        failures: Vec::new(),
        engine: members
            .get("engine")
            .map(|node| engine(&node, &variants))
            .transpose()?,
        phases: Vec::new(),
    };
    scenario.failures = optional(&members, "failures", |node| failures(node, &scenario))?;
    let phases = members.required("phases")?;
    let mut steps: Vec<SmolStr> = Vec::new();
    for node in phases.list()? {
        let phase = phase(&node, &scenario, &mut steps)?;
        scenario.phases.push(phase);
    }
    if steps.is_empty() {
        return Err(ScenarioError::at(phases.path, "there is no step in it"));
    }
    Ok(scenario)
}

fn engine(node: &Node<'_>, variants: &[(SmolStr, SmolStr)]) -> Read<Engine> {
    let members = node.members(&["mapping", "source", "patch"])?;
    let mapping = members.required("mapping")?;
    let text = value_to_vec(mapping.value);
    let read =
        ObjectMapping::from_json(&text).map_err(|error| ScenarioError::at(mapping.path.as_str(), error))?;
    let source = members.required("source")?;
    let tree = tree(&source)?;
    known(&tree, &source.path, &[])?;
    let patch = optional(&members, "patch", |node| {
        let form = |(name, node): (&AttrName, Node<'_>)| {
            if !variants.iter().any(|(variant, _)| variant == name.as_str()) {
                return Err(ScenarioError::at(node.path, "`variants` has no such variant"));
            }
            let members = node.members(&["titles", "texts", "pathless"])?;
            let flag = |name| optional(&members, name, Node::boolean);
            Ok((
                name.as_str().into(),
                PatchForm {
                    titles: flag("titles")?,
                    texts: flag("texts")?,
                    pathless: flag("pathless")?,
                },
            ))
        };
        node.entries()?.into_iter().map(form).collect()
    })?;
    Ok(Engine {
        mapping: read,
        source: tree,
        patch,
    })
}

fn cycle_of(node: &Node<'_>, scenario: &Scenario, each: Each) -> Read<SyncCycle> {
    if scenario.engine.is_none() {
        return Err(ScenarioError::at(
            node.path.as_str(),
            "the scenario has no `engine` that could run it",
        ));
    }
    let members = node.members(&[
        "source",
        "set",
        "threshold",
        "allow",
        "restart",
        "token",
        "refuse",
        "failures",
        "percent",
        "expect",
    ])?;
    let count = |name| -> Read<Option<u64>> {
        let number = members
            .get(name)
            .map(|node| node.number(0, 1_000_000))
            .transpose()?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    };
    let given = members.get("source");
    let given = given.map_or(Ok(Given::All), |node| {
        let given = node.keyword(&[
            ("all", Given::All),
            ("others", Given::Others),
            ("nobody", Given::Nobody),
        ])?;
        if given == Given::Others && each != Each::Users {
            return Err(ScenarioError::at(
                node.path.as_str(),
                "only a step for each of the users has others",
            ));
        }
        Ok(given)
    })?;
    let entries = members
        .get("set")
        .map(|node| node.entries())
        .transpose()?
        .unwrap_or_default();
    let set = entries
        .into_iter()
        .map(|(name, node)| (name.as_str().into(), node.value.clone()))
        .collect();
    Ok(SyncCycle {
        given,
        set,
        threshold: count("threshold")?,
        allow: optional(&members, "allow", Node::boolean)?,
        restart: optional(&members, "restart", Node::boolean)?,
        token: members
            .get("token")
            .map(|node| node.text().map(SmolStr::new))
            .transpose()?,
        refuse: members.get("refuse").map(|node| node.status()).transpose()?,
        quarantine: match count("failures")? {
            Some(failures) => Some((failures, count("percent")?.unwrap_or(40))),
            None => None,
        },
        expect: members.required("expect")?.keyword(&[
            ("done", Expected::Done),
            ("quiet", Expected::Quiet),
            ("held", Expected::Held),
            ("quarantine", Expected::Quarantine),
        ])?,
    })
}

fn optional<'v, T: Default>(
    members: &Members<'v>,
    name: &str,
    read: impl FnOnce(&Node<'v>) -> Read<T>,
) -> Read<T> {
    members.get(name).as_ref().map_or_else(|| Ok(T::default()), read)
}

fn fact(id: &str, node: &Node<'_>) -> Read<Evidence> {
    let members = node.members(&["class", "fact", "source"])?;
    let known: Vec<(&str, Class)> = Class::ALL.iter().map(|class| (class.letter(), *class)).collect();
    let classes = members.required("class")?;
    let read: Vec<Class> = classes
        .list()?
        .iter()
        .map(|class| class.keyword(&known))
        .collect::<Read<_>>()?;
    if read.is_empty() {
        return Err(ScenarioError::at(classes.path, "a fact is known in some way"));
    }
    Ok(Evidence {
        id: id.into(),
        classes: read,
        fact: members.required("fact")?.text()?.into(),
        source: optional(&members, "source", |node| node.text().map(SmolStr::new))?,
    })
}

fn http(node: &Node<'_>, variants: &[(SmolStr, SmolStr)]) -> Read<Http> {
    let members = node.members(&["headers", "bodyHeaders", "absent", "address", "space", "plain"])?;
    let body_headers = optional(&members, "bodyHeaders", headers)?;
    let headers = optional(&members, "headers", headers)?;
    let absent = optional(&members, "absent", Node::texts)?;
    for name in &absent {
        let is_sent = headers
            .iter()
            .chain(&body_headers)
            .any(|(sent, _)| same_header(sent, name));
        if is_sent {
            return Err(ScenarioError::at(
                format!("{}.absent", node.path),
                format_args!("`{name}` is among the headers that are sent"),
            ));
        }
    }
    let plain = optional(&members, "plain", |node| node.text().map(SmolStr::new))?;
    if let Some(bad) = plain
        .chars()
        .find(|character| !"!$'()*+,/:;@[]".contains(*character))
    {
        return Err(ScenarioError::at(
            format!("{}.plain", node.path),
            format_args!("`{bad}` can't stand in the value of a query as it is"),
        ));
    }
    let space = members.get("space");
    let address = optional(&members, "address", |node| {
        let entries = node.entries()?;
        let address = |(name, node): (&AttrName, Node<'_>)| {
            if !variants.iter().any(|(variant, _)| variant == name.as_str()) {
                return Err(ScenarioError::at(node.path, "`variants` has no such variant"));
            }
            let query = node.text()?;
            if query
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "-._~=&%+".contains(character))
            {
                Ok((name.as_str().into(), query.into()))
            } else {
                Err(ScenarioError::at(
                    node.path,
                    "it is no query, percent-encoded where needed",
                ))
            }
        };
        entries.into_iter().map(address).collect()
    })?;
    Ok(Http {
        address,
        headers,
        body_headers,
        absent,
        space: match space {
            Some(space) => space.keyword(&[("+", "+"), ("%20", "%20")])?.into(),
            None => "%20".into(),
        },
        plain,
    })
}

/// Returns true for two spellings of a header's name.
pub(crate) fn same_header(left: &str, right: &str) -> bool {
    HeaderName::try_from(left).is_ok_and(|left| HeaderName::try_from(right).is_ok_and(|right| left == right))
}

fn headers(node: &Node<'_>) -> Read<Vec<(SmolStr, Text)>> {
    let entries = node.entries()?;
    entries
        .into_iter()
        .map(|(name, node)| {
            if HeaderName::try_from(name.as_str()).is_err() {
                return Err(ScenarioError::at(node.path, "it is no name of a header"));
            }
            Ok((name.as_str().into(), text(&node)?))
        })
        .collect()
}

fn text(node: &Node<'_>) -> Read<Text> {
    Text::parse(node.text()?, &node.path)
}

fn tree(node: &Node<'_>) -> Read<Tree> {
    Tree::parse(node.value, &node.path)
}

fn objects(node: &Node<'_>) -> Read<Kinds<Vec<(SmolStr, Text)>>> {
    let members = node.members(&["user", "group"])?;
    let attributes = |node: &Node<'_>, kind: Kind| {
        let entries = node.entries()?;
        let attributes: Vec<(SmolStr, Text)> = entries
            .iter()
            .map(|(name, node)| {
                let text = text(node)?;
                each_known(text.names(), &node.path, &[])?;
                Ok((name.as_str().into(), text))
            })
            .collect::<Read<_>>()?;
        // Without it nobody could tell the objects of a run from other people's.
        let name = kind.name_attribute();
        let is_marked = attributes
            .iter()
            .any(|(of, text)| of == name && text.starts_with_run());
        if is_marked {
            Ok(attributes)
        } else {
            Err(ScenarioError::at(
                format!("{}.{name}", node.path),
                "it is missing, or does not start with `{{run}}-`, by which the objects of a run are known",
            ))
        }
    };
    Ok(Kinds {
        user: attributes(&members.required("user")?, Kind::User)?,
        group: members
            .get("group")
            .map_or_else(|| Ok(Vec::new()), |node| attributes(&node, Kind::Group))?,
    })
}

fn believes(node: &Node<'_>) -> Read<Kinds<Tree>> {
    let members = node.members(&["user", "group"])?;
    let belief = |node: &Node<'_>| {
        let tree = tree(node)?;
        known(&tree, &node.path, &[])?;
        match tree {
            Tree::Object(_) => Ok(tree),
            _ => Err(ScenarioError::at(node.path.as_str(), "it is no object")),
        }
    };
    Ok(Kinds {
        user: belief(&members.required("user")?)?,
        group: members
            .get("group")
            .map_or_else(|| Ok(Tree::Object(Vec::new())), |node| belief(&node))?,
    })
}

fn failures(node: &Node<'_>, scenario: &Scenario) -> Read<Vec<Failure>> {
    node.list()?.iter().map(|node| failure(node, scenario)).collect()
}

fn failure(node: &Node<'_>, scenario: &Scenario) -> Read<Failure> {
    let members = node.members(&["on", "verdict", "after", "ends", "says", "evidence"])?;
    let verdict = members
        .required("verdict")?
        .keyword(&[("stops", Verdict::Stops), ("retries", Verdict::Retries)])?;
    let after: Vec<Duration> = optional(&members, "after", |node| {
        node.list()?.iter().map(Node::time).collect()
    })?;
    if !after.is_empty() && verdict != Verdict::Retries {
        return Err(ScenarioError::at(
            format!("{}.after", node.path),
            "only a provider that `retries` tries again",
        ));
    }
    if !after.is_sorted() {
        return Err(ScenarioError::at(
            format!("{}.after", node.path),
            "the times are those since the first failure, in order",
        ));
    }
    Ok(Failure {
        on: members
            .required("on")?
            .list()?
            .iter()
            .map(on)
            .collect::<Read<_>>()?,
        verdict,
        after,
        ends: optional(&members, "ends", Node::boolean)?,
        says: members.required("says")?.text()?.into(),
        evidence: optional(&members, "evidence", |node| evidence(node, scenario))?,
    })
}

fn on(node: &Node<'_>) -> Read<On> {
    let text = node.text()?;
    let class = |class: u16| On::Status(class * 100, class * 100 + 99);
    Ok(match text {
        "any" => On::Any,
        "no-answer" => On::NoAnswer,
        "not-json" => On::NotJson,
        "unexpected" => On::Unexpected,
        "3xx" => class(3),
        "4xx" => class(4),
        "5xx" => class(5),
        _ => match text.parse() {
            Ok(status) if (100..600).contains(&status) => On::Status(status, status),
            _ => {
                return Err(ScenarioError::at(
                    node.path.as_str(),
                    format_args!(
                        "`{text}` is none of any, no-answer, not-json, unexpected, 3xx, 4xx, 5xx or a status"
                    ),
                ));
            }
        },
    })
}

fn evidence(node: &Node<'_>, scenario: &Scenario) -> Read<Vec<SmolStr>> {
    let ids = node.texts()?;
    match ids
        .iter()
        .find(|id| !scenario.evidence.iter().any(|fact| fact.id == **id))
    {
        None => Ok(ids),
        Some(id) => Err(ScenarioError::at(
            node.path.as_str(),
            format_args!("`evidence` has no `{id}`"),
        )),
    }
}

fn variants(node: &Node<'_>, scenario: &Scenario) -> Read<Vec<SmolStr>> {
    let names = node.texts()?;
    match names
        .iter()
        .find(|name| !scenario.variants.iter().any(|(variant, _)| variant == *name))
    {
        None => Ok(names),
        Some(name) => Err(ScenarioError::at(
            node.path.as_str(),
            format_args!("`variants` has no `{name}`"),
        )),
    }
}

fn phase(node: &Node<'_>, scenario: &Scenario, before: &mut Vec<SmolStr>) -> Read<Phase> {
    let members = node.members(&["name", "repeats", "steps"])?;
    let mut steps = Vec::new();
    for node in members.required("steps")?.list()? {
        let step = step(&node, scenario, before)?;
        if before.contains(&step.name) {
            return Err(ScenarioError::at(
                format!("{}.name", node.path),
                format_args!("another step is called `{}`", step.name),
            ));
        }
        before.push(step.name.clone());
        steps.push(step);
    }
    Ok(Phase {
        name: members.required("name")?.text()?.into(),
        repeats: optional(&members, "repeats", Node::boolean)?,
        steps,
    })
}

const EACH: [(&str, Each); 3] = [
    ("users", Each::Users),
    ("groups", Each::Groups),
    ("members", Each::Members),
];

fn step(node: &Node<'_>, scenario: &Scenario, before: &[SmolStr]) -> Read<Step> {
    let members = node.members(&[
        "name", "title", "evidence", "variants", "needs", "after", "each", "state", "pick", "user",
        "optional", "parallel", "change", "assign", "send", "cycle", "then", "failures",
    ])?;
    let each = members
        .get("each")
        .map_or(Ok(Each::Once), |node| node.keyword(&EACH))?;
    let needs = optional(&members, "needs", Node::texts)?;
    if let Some(name) = needs.iter().find(|name| !before.contains(name)) {
        return Err(ScenarioError::at(
            format!("{}.needs", node.path),
            format_args!("no step before this one is called `{name}`"),
        ));
    }
    let mut sends = Vec::new();
    let mut saved = Vec::new();
    let cycle = members.get("cycle");
    let cycle = cycle.map(|node| cycle_of(&node, scenario, each)).transpose()?;
    let listed = match (members.get("send"), &cycle) {
        (Some(node), Some(_)) => {
            return Err(ScenarioError::at(
                node.path,
                "a step that is a cycle sends what the engine decides",
            ));
        }
        (None, Some(_)) => Vec::new(),
        (_, None) => members.required("send")?.list()?,
    };
    for node in listed {
        let send = send(&node, scenario, &saved)?;
        saved.extend(send.save.iter().chain(&send.finds).map(|(name, _)| name.clone()));
        sends.push(send);
    }
    let change = optional(&members, "change", |node| change(node, each))?;
    let state = members.get("state").map_or(Ok(ObjectState::Present), |node| {
        node.keyword(&[
            ("absent", ObjectState::Absent),
            ("present", ObjectState::Present),
            ("deleted", ObjectState::Deleted),
        ])
    })?;
    let assign = members.get("assign");
    let assign = assign
        .map(|node| {
            node.keyword(&[
                ("shrink", Assign::Shrink),
                ("grow", Assign::Grow),
                ("swap", Assign::Swap),
                ("clear", Assign::Clear),
            ])
        })
        .transpose()?;
    if assign.is_some() && each != Each::Groups {
        return Err(ScenarioError::at(
            format!("{}.assign", node.path),
            "only a step for each of the groups assigns users",
        ));
    }
    let user = members.get("user");
    if let Some(node) = &user
        && each != Each::Members
    {
        return Err(ScenarioError::at(
            node.path.as_str(),
            "only a step for each of the members picks them by a user",
        ));
    }
    Ok(Step {
        name: members.required("name")?.text()?.into(),
        title: members.required("title")?.text()?.into(),
        evidence: evidence(&members.required("evidence")?, scenario)?,
        variants: optional(&members, "variants", |node| variants(node, scenario))?,
        needs,
        after: optional(&members, "after", Node::time)?,
        each,
        state,
        pick: members
            .get("pick")
            .map(|node| node.number(1, 1_000_000))
            .transpose()?,
        user: user.map(|node| node.number(1, 1_000_000)).transpose()?,
        optional: optional(&members, "optional", Node::boolean)?,
        parallel: members.get("parallel").map_or(Ok(1), |node| node.number(1, 64))?,
        change,
        assign,
        send: sends,
        cycle,
        then: optional(&members, "then", |node| then(node, each))?,
        failures: optional(&members, "failures", |node| failures(node, scenario))?,
    })
}

fn change(node: &Node<'_>, each: Each) -> Read<Vec<(Kind, SmolStr, Tree)>> {
    let entry = |(name, node): (&AttrName, Node<'_>)| {
        let kind = match name.as_str().split_once('.') {
            Some(("user", attribute)) if matches!(each, Each::Users | Each::Members) => {
                Some((Kind::User, attribute))
            }
            Some(("group", attribute)) if matches!(each, Each::Groups | Each::Members) => {
                Some((Kind::Group, attribute))
            }
            _ => None,
        };
        let Some((kind, attribute)) = kind else {
            return Err(ScenarioError::at(
                node.path,
                "it is no attribute of the step's objects, such as `user.title`",
            ));
        };
        let tree = tree(&node)?;
        known(&tree, &node.path, &[])?;
        Ok((kind, attribute.into(), tree))
    };
    node.entries()?.into_iter().map(entry).collect()
}

const STATES: [(&str, ObjectState); 3] = [
    ("present", ObjectState::Present),
    ("deleted", ObjectState::Deleted),
    ("released", ObjectState::Released),
];

fn then(node: &Node<'_>, each: Each) -> Read<Then> {
    let members = node.members(&["user", "group", "members"])?;
    let joined = members.get("members");
    let joined = joined
        .map(|node| {
            let joined = node.keyword(&[
                ("assigned", Membership::Assigned),
                ("moved", Membership::Moved),
                ("joined", Membership::Joined),
                ("left", Membership::Left),
                ("nobody", Membership::Nobody),
                ("other-joined", Membership::OtherJoined),
                ("other-left", Membership::OtherLeft),
                ("left-all", Membership::LeftAll),
            ])?;
            let fits = match joined {
                Membership::Assigned
                | Membership::Moved
                | Membership::Nobody
                | Membership::OtherJoined
                | Membership::OtherLeft => each == Each::Groups,
                Membership::Joined | Membership::Left => each == Each::Members,
                Membership::LeftAll => each == Each::Users,
            };
            if fits {
                Ok(joined)
            } else {
                Err(ScenarioError::at(
                    node.path.as_str(),
                    "it does not fit what the step is done with (`each`)",
                ))
            }
        })
        .transpose()?;
    let state = |name| members.get(name).map(|node| node.keyword(&STATES)).transpose();
    Ok(Then {
        user: state("user")?,
        group: state("group")?,
        members: joined,
    })
}

fn send(node: &Node<'_>, scenario: &Scenario, saved: &[SmolStr]) -> Read<Send> {
    let members = node.members(&[
        "method",
        "path",
        "query",
        "headers",
        "body",
        "variants",
        "if",
        "unless",
        "expect",
        "tolerates",
        "answer",
        "least",
        "most",
        "save",
        "finds",
    ])?;
    let method = members.required("method")?.keyword(&[
        ("GET", &Method::GET),
        ("POST", &Method::POST),
        ("PUT", &Method::PUT),
        ("PATCH", &Method::PATCH),
        ("DELETE", &Method::DELETE),
    ])?;
    let path = members.required("path")?;
    if !path.text()?.starts_with('/') {
        return Err(ScenarioError::at(
            path.path,
            "a path starts with `/` and is relative to the base URL",
        ));
    }
    let query = members.get("query");
    let query = query.map(|node| query_of(&node, saved)).transpose()?;
    let headers = optional(&members, "headers", headers)?;
    let absent = &scenario.http.absent;
    if let Some(name) = absent
        .iter()
        .find(|absent| headers.iter().any(|(name, _)| same_header(name, absent)))
    {
        return Err(ScenarioError::at(
            format!("{}.headers", node.path),
            format_args!("`{name}` is among the headers that the provider never sends (`http.absent`)"),
        ));
    }
    let body = members.get("body");
    let body = body
        .map(|node| {
            let tree = tree(&node)?;
            known(&tree, &node.path, saved)?;
            Ok::<_, ScenarioError>(tree)
        })
        .transpose()?;
    let condition = |node: &Node<'_>| {
        let name = SmolStr::new(node.text()?);
        each_known([&name], &node.path, saved)?;
        Ok(Some(name))
    };
    let expect = match optional(&members, "expect", statuses)? {
        empty if empty.is_empty() => usual(method),
        given => given,
    };
    Ok(Send {
        method: method.clone(),
        path: known_text(&path, saved)?,
        query,
        headers,
        body,
        variants: optional(&members, "variants", |node| variants(node, scenario))?,
        given: optional(&members, "if", condition)?,
        unless: optional(&members, "unless", condition)?,
        expect,
        tolerates: optional(&members, "tolerates", statuses)?,
        answer: members.get("answer").map_or(Ok(Shape::Any), |node| {
            node.keyword(&[
                ("any", Shape::Any),
                ("resource", Shape::Resource),
                ("list", Shape::List),
            ])
        })?,
        least: optional(&members, "least", |node| node.number(0, 10_000))?,
        most: members
            .get("most")
            .map(|node| node.number(0, 10_000))
            .transpose()?,
        save: optional(&members, "save", takes)?,
        finds: optional(&members, "finds", takes)?,
    })
}

fn known_text(node: &Node<'_>, saved: &[SmolStr]) -> Read<Text> {
    let text = text(node)?;
    each_known(text.names(), &node.path, saved)?;
    Ok(text)
}

fn query_of(node: &Node<'_>, saved: &[SmolStr]) -> Read<Vec<(SmolStr, Text)>> {
    let entries = node.entries()?;
    let pair = |(name, node): (&AttrName, Node<'_>)| Ok((name.as_str().into(), known_text(&node, saved)?));
    entries.into_iter().map(pair).collect()
}

fn statuses(node: &Node<'_>) -> Read<Vec<u16>> {
    node.list()?.iter().map(Node::status).collect()
}

/// Returns the statuses that RFC 7644 has for the success of a method (sections 3.3 to 3.6).
fn usual(method: &Method) -> Vec<u16> {
    match *method {
        Method::POST => vec![201],
        Method::PATCH => vec![200, 204],
        Method::DELETE => vec![204],
        _ => vec![200],
    }
}

/// Reads which names are given to what stands at which paths of an answer.
fn takes(node: &Node<'_>) -> Read<Vec<(SmolStr, SmolStr)>> {
    let is_free = |name: &str| !ROOTS.contains(&name) && !GENERATED.contains(&name) && !name.contains('.');
    let entries = node.entries()?;
    let take = |(name, node): (&AttrName, Node<'_>)| {
        let name = name.as_str();
        if !matches!(name, "user.id" | "group.id") && !is_free(name) {
            return Err(ScenarioError::at(
                node.path,
                "a name is `user.id`, `group.id`, or a word of its own",
            ));
        }
        Ok((name.into(), node.text()?.into()))
    };
    entries.into_iter().map(take).collect()
}

fn known(tree: &Tree, path: &str, saved: &[SmolStr]) -> Read<()> {
    let mut result = Ok(());
    tree.each_name(&mut |name| {
        if result.is_ok() {
            result = each_known([name], path, saved);
        }
    });
    result
}

fn each_known<'n>(names: impl IntoIterator<Item = &'n SmolStr>, path: &str, saved: &[SmolStr]) -> Read<()> {
    for name in names {
        let root = name.split('.').next().unwrap_or_default();
        let is_known = ROOTS.contains(&root)
            || GENERATED.contains(&name.as_str())
            || saved.iter().any(|saved| saved == name || saved == root);
        if !is_known {
            return Err(ScenarioError::at(
                path,
                format_args!(
                    "nothing is called `{name}`; there are {}, {}, and what the step has saved before",
                    ROOTS.join(", "),
                    GENERATED.join(", ")
                ),
            ));
        }
    }
    Ok(())
}
