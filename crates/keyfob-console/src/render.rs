//! Markup: pages, tables, views and forms. What anybody named is escaped by the templates, all of it, and characters that act
//! on the text around them are shown as escapes.

use keyfob_admin::{
    Argument, Operation, Parameter, Preview, Problem, Risk, Role,
    view::{Shape, ViewType},
};
use keyfob_core::{Object, Value, json::value_to_vec, render::Printable};
use maud::{DOCTYPE, Markup, html};

use crate::{
    form::{Sent, field},
    page::PAGES,
    sentence::korean,
    text::Language,
};

/// The fields whose texts are sentences of the libraries, and of nobody else.
const SENTENCES: [&str; 9] = [
    "why",
    "fix",
    "warning",
    "warnings",
    "title",
    "steps",
    "userMappings",
    "groupMappings",
    "notes",
];

/// The fields whose texts are words of the libraries.
const WORDS: [&str; 4] = ["state", "source", "paused", "roles"];

/// The organization of a page.
#[derive(Clone, Copy)]
pub(crate) struct Of<'f> {
    /// Its id. Addresses have it, as a name may become another organization's.
    pub(crate) id: &'f str,
    pub(crate) name: &'f str,
    /// The page that is shown; empty for none of the navigation.
    pub(crate) page: &'f str,
    /// The roles that the administrator has there: no page is named that would be refused.
    pub(crate) roles: &'f [Role],
}

/// The frame of a page.
pub(crate) struct Frame<'f> {
    pub(crate) language: Language,
    /// The path at which the console is nested.
    pub(crate) prefix: &'f str,
    /// The path of the page, with its query.
    pub(crate) here: &'f str,
    /// The organization, if the page is of one.
    pub(crate) organization: Option<Of<'f>>,
    /// The administrator who has signed in, and the key of the form to sign out.
    pub(crate) signed_in: Option<(&'f str, &'f str)>,
}

impl Frame<'_> {
    pub(crate) fn text(&self, id: &str) -> &'static str {
        self.language.text(id)
    }

    /// Returns the whole of a page.
    pub(crate) fn page(&self, title: &str, content: &Markup) -> Markup {
        let language = self.language.code();
        html! {
            (DOCTYPE)
            html lang=(language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – " (self.text("console")) }
                    link rel="stylesheet" href={ (self.prefix) "/style.css" };
                }
                body {
                    a.skip href="#content" { (self.text("skip")) }
                    header {
                        a href={ (self.prefix) "/organizations" } { (self.text("console")) }
                        @if let Some(of) = self.organization { strong { bdi { (Printable(of.name)) } } }
                        (self.languages())
                        @if let Some((name, key)) = self.signed_in {
                            form method="post" action={ (self.prefix) "/sign-out" } {
                                input type="hidden" name="form" value=(key);
                                bdi { (Printable(name)) } " "
                                button { (self.text("sign-out")) }
                            }
                        }
                    }
                    div.frame {
                        @if let Some(of) = self.organization {
                            nav aria-label=(self.text("navigation")) {
                                ul {
                                    @for page in PAGES.iter().filter(|page| page.is_shown_to(of.roles)) {
                                        @let address = self.address(of.id, page.slug);
                                        @let current = (page.slug == of.page).then_some("page");
                                        li { a href=(address) aria-current=[current] { (self.text(&format!("page.{}", page.slug))) } }
                                    }
                                }
                            }
                        }
                        main id="content" tabindex="-1" {
                            h1 { (title) }
                            (content)
                        }
                    }
                }
            }
        }
    }

    fn languages(&self) -> Markup {
        let path = self.here.split('?').next().unwrap_or_default();
        html! {
            span {
                a href={ (path) "?lang=en" } lang="en" hreflang="en" { "English" }
                " · "
                a href={ (path) "?lang=ko" } lang="ko" hreflang="ko" { "한국어" }
            }
        }
    }

    /// Returns the address of a page of an organization.
    pub(crate) fn address(&self, organization: &str, slug: &str) -> String {
        format!("{}/o/{}/{slug}", self.prefix, encoded(organization))
    }

    /// Returns a view as a list of names and values.
    pub(crate) fn view(&self, view_type: &ViewType, view: &Object) -> Markup {
        html! {
            dl {
                @for field in view_type.fields {
                    @if let Some(value) = view.get(field.name).filter(|value| !matches!(value, Value::Null)) {
                        @let label = self.text(field.name);
                        @if !label.is_empty() {
                            dt { (label) }
                            dd { (self.value(field.name, value, matches!(field.shape, Shape::List(_)))) }
                        }
                    }
                }
            }
        }
    }

    /// Returns a value. Lists stand below each other where there is room.
    pub(crate) fn value(&self, name: &str, value: &Value, is_long: bool) -> Markup {
        html! {
            @match value {
                Value::Null => {}
                Value::Bool(flag) => (self.text(if *flag { "yes" } else { "no" })),
                Value::String(text) if name == "managedBy" && text == "scim" => {
                    span.tag { (self.text("scim-managed")) }
                }
                Value::String(text) if SENTENCES.contains(&name) || name == "failure" => (self.sentence(text)),
                Value::String(text) if WORDS.contains(&name) => bdi { (self.word(text)) },
                Value::String(text) if is_instant(text) => time datetime=(text) { (text) },
                Value::String(text) => bdi { (Printable(text)) },
                Value::Array(values) if values.is_empty() => "–",
                Value::Array(values) if is_long && name == "steps" => {
                    ol { @for value in values { li { (self.value(name, value, false)) } } }
                }
                Value::Array(values) if is_long => {
                    ul { @for value in values { li { (self.value(name, value, false)) } } }
                }
                Value::Array(values) => {
                    @for (number, value) in values.iter().enumerate() {
                        @if number > 0 { ", " }
                        (self.value(name, value, false))
                    }
                }
                Value::Object(object) => {
                    @for (number, (name, value)) in shown(object).enumerate() {
                        @if number > 0 { " · " }
                        (self.value(name.as_str(), value, false))
                    }
                }
                other => (String::from_utf8_lossy(&value_to_vec(other))),
            }
        }
    }

    /// Returns a sentence of the libraries in the language of the page. One that has no translation says which language it is
    /// in (WCAG 3.1.2).
    pub(crate) fn sentence(&self, text: &str) -> Markup {
        if self.language == Language::English {
            return html! { bdi { (Printable(text)) } };
        }
        let korean = korean(text);
        let language = korean.is_none().then_some("en");
        html! { bdi lang=[language] { (Printable(korean.as_deref().unwrap_or(text))) } }
    }

    /// Returns a word of the libraries in the language of the page.
    fn word<'w>(&self, word: &'w str) -> Printable<&'w str> {
        let known = match self.language {
            Language::English => "",
            Language::Korean => self.text(&format!("word.{word}")),
        };
        Printable(if known.is_empty() { word } else { known })
    }

    /// Returns a table of views.
    pub(crate) fn table(
        &self,
        caption: &str,
        columns: &[&str],
        rows: &[Object],
        last: &dyn Fn(&Object) -> Markup,
        has_last: bool,
    ) -> Markup {
        if rows.is_empty() {
            return html! { p { (self.text("none")) } };
        }
        html! {
            div.scroll role="region" aria-label=(caption) tabindex="0" {
                table {
                    caption { (caption) }
                    thead {
                        tr {
                            @for column in columns { th scope="col" { (self.text(column)) } }
                            @if has_last { th scope="col" { (self.text("show")) } }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                @for column in columns {
                                    td { @if let Some(value) = row.get(column) { (self.value(column, value, false)) } }
                                }
                                @if has_last { td { (last(row)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the form of an operation. `fixed` is what the page knows already.
    pub(crate) fn form(
        &self,
        operation: &Operation,
        action: &str,
        key: &str,
        fixed: &[(&str, &str)],
        sent: &Sent,
    ) -> Markup {
        let asked: Vec<&Parameter> = operation
            .parameters
            .iter()
            .filter(|parameter| {
                let is_known = fixed.iter().any(|(name, _)| *name == parameter.name);
                parameter.argument != Argument::Organization && !is_known
            })
            .collect();
        let danger = (operation.risk == Risk::Confirmed).then_some("danger");
        let label = self.text(operation.name);
        let fields = html! {
            form class=[danger] method="post" action=(action) {
                input type="hidden" name="form" value=(key);
                input type="hidden" name="back" value=(self.here);
                @for (name, value) in fixed { input type="hidden" name=(name) value=(value); }
                @for parameter in &asked {
                    (field(self.language, operation, parameter, sent.get(parameter.name).unwrap_or_default()))
                }
                p { button { (label) } }
            }
        };
        if asked.is_empty() {
            return fields;
        }
        html! { details { summary { (label) } (fields) } }
    }

    /// Returns what was wrong.
    pub(crate) fn problem(&self, problem: &Problem) -> Markup {
        html! {
            div.problem role="alert" {
                p { strong { (self.text("problem")) } }
                p { (self.sentence(&problem.detail)) }
                @if let Some(fix) = &problem.fix { p { (self.sentence(fix)) } }
                p { code { (problem.code) } }
            }
        }
    }

    /// Returns the effects of what can't be undone, and the form that confirms it.
    pub(crate) fn confirmation(
        &self,
        operation: &Operation,
        preview: &Preview,
        action: &str,
        key: &str,
        sent: &Sent,
    ) -> Markup {
        let back = sent.get("back").unwrap_or(self.prefix);
        html! {
            h2 { (self.text("effects")) }
            ul {
                @for effect in &preview.effects {
                    li {
                        @match self.language {
                            Language::English => { (effect.count) " " (effect.what) }
                            Language::Korean => { (self.sentence(&effect.what)) ": " (effect.count) }
                        }
                        @if !effect.sample.is_empty() {
                            ": "
                            @for (number, name) in effect.sample.iter().enumerate() {
                                @if number > 0 { ", " }
                                bdi { (Printable(name)) }
                            }
                            @if effect.count > effect.sample.len() { ", …" }
                        }
                    }
                }
            }
            @if !preview.stays.is_empty() {
                h2 { (self.text("stays")) }
                ul { @for stays in &preview.stays { li { (self.sentence(stays)) } } }
            }
            form.danger method="post" action=(action) {
                input type="hidden" name="form" value=(key);
                input type="hidden" name="back" value=(back);
                input type="hidden" name="confirmation" value=(preview.confirmation);
                (sent.hidden(operation))
                label for="reason" { (self.text("reason")) }
                input id="reason" name="reason" value=(sent.get("reason").unwrap_or_default()) autocomplete="off";
                p {
                    button { (self.text("continue")) }
                    " "
                    a href=(back) { (self.text("cancel")) }
                }
            }
        }
    }
}

/// Returns the members of an object that have a value.
fn shown(object: &Object) -> impl Iterator<Item = (&keyfob_core::AttrName, &Value)> {
    object.iter().filter(|(_, value)| match value {
        Value::Null => false,
        Value::Array(values) => !values.is_empty(),
        _ => true,
    })
}

/// Returns true for an instant as views show it.
fn is_instant(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && text.parse::<keyfob_core::DateTime>().is_ok()
}

/// Encodes a text as a segment of a path.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
