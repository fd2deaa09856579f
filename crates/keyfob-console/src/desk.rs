//! The contents of pages: views, lists and the forms beside them.

use keyfob_admin::{Administrator, Problem, operation};
use keyfob_core::{Object, Value};
use keyfob_engine::{Feeds, Maintenance};
use maud::{Markup, html};

use crate::{
    form::{Sent, field},
    handle::{Console, Visit, following, of_org},
    page::{Item, List, Page},
    render::{Frame, encoded},
};

/// A page that is being made.
pub(crate) struct Desk<'d, S> {
    pub(crate) console: &'d Console<S>,
    pub(crate) frame: &'d Frame<'d>,
    pub(crate) visit: &'d Visit,
    pub(crate) administrator: &'d Administrator,
    pub(crate) cookie: &'d str,
    pub(crate) org: &'d str,
}

impl<S: Feeds + Maintenance> Desk<'_, S> {
    /// Returns what a page shows and offers.
    pub(crate) async fn page(&self, page: &Page) -> Result<Markup, Problem> {
        let mut shown = Vec::new();
        for name in page.shows {
            shown.push(self.view(name).await?);
        }
        let listed = match &page.list {
            Some(list) => Some(self.list(page, list).await?),
            None => None,
        };
        Ok(html! {
            @for view in &shown { (view) }
            @if let Some(listed) = &listed { (listed) }
            @for name in page.offers { (self.offer(name, &[])) }
        })
    }

    async fn view(&self, name: &str) -> Result<Markup, Problem> {
        let mut input = of_org(self.org);
        let mut choices = Markup::default();
        if name == "showGuide" {
            let provider = self.visit.query.get("provider").unwrap_or("entra");
            input.insert("provider", provider);
            let address = self.frame.address(self.org, "set-up");
            choices = html! {
                p {
                    (self.frame.text("provider")) ": "
                    @for (number, name) in ["entra", "okta", "google", "onelogin", "jumpcloud", "other"].iter().enumerate() {
                        @if number > 0 { " · " }
                        a href={ (address) "?provider=" (name) } aria-current=[(*name == provider).then_some("true")] { (name) }
                    }
                }
            };
        }
        let read = self.console.read(self.administrator, name, input).await?;
        let view_type = operation(name).and_then(|operation| operation.returns.view());
        let waits = |view: &Object| {
            let is_linked = view.get("enabled").and_then(Value::as_bool) == Some(true);
            is_linked && view.get("lastRequest") == Some(&Value::Null)
        };
        Ok(html! {
            (choices)
            @if read.items.iter().any(waits) { p { (self.frame.text("first-request")) } }
            @for view in &read.items {
                @if let Some(view_type) = view_type { (self.frame.view(view_type, view)) }
            }
        })
    }

    async fn list(&self, page: &Page, list: &List) -> Result<Markup, Problem> {
        let mut input = of_org(self.org);
        for (name, value) in list.fixed {
            input.insert(*name, *value);
        }
        for name in list.filters.iter().chain(&["after"]) {
            let value = self.visit.query.get(name).map(str::trim);
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                input.insert(*name, value);
            }
        }
        let read = self
            .console
            .read(self.administrator, list.operation, input)
            .await?;
        let address = self.frame.address(self.org, page.slug);
        let actions = |row: &Object| -> Markup {
            let Some(item) = &page.item else {
                return Markup::default();
            };
            let name = row.get_str(item.field).unwrap_or_default();
            html! {
                @if item.show.is_some() {
                    a href={ (address) "/" (encoded(name)) } { (self.frame.text("show")) }
                } @else {
                    @for offer in item.offers { (self.offer(offer, &[(item.parameter, name)])) }
                }
            }
        };
        let caption = self.frame.text(&format!("page.{}", page.slug));
        let operation = operation(list.operation);
        Ok(html! {
            @if !list.filters.is_empty() {
                form.filters method="get" action=(address) {
                    @if let Some(operation) = operation {
                        @for name in list.filters {
                            @if let Some(parameter) = operation.parameters.iter().find(|parameter| parameter.name == *name) {
                                div { (field(self.frame.language, operation, parameter, self.visit.query.get(name).unwrap_or_default())) }
                            }
                        }
                    }
                    button { (self.frame.text("filter")) }
                }
            }
            (self.frame.table(caption, list.columns, &read.items, &actions, page.item.is_some()))
            (following(self.frame, self.visit, list.filters, read.next.as_deref()))
        })
    }

    /// Returns what the page of one of a list shows and offers.
    pub(crate) async fn item(&self, of: &Item, item: &str) -> Result<Markup, Problem> {
        let mut shown = Markup::default();
        let given = || {
            let mut input = of_org(self.org);
            input.insert(of.parameter, item);
            input
        };
        if let Some(name) = of.show {
            let read = self.console.read(self.administrator, name, given()).await?;
            let view_type = operation(name).and_then(|operation| operation.returns.view());
            shown = html! {
                @for view in &read.items {
                    @if let Some(view_type) = view_type { (self.frame.view(view_type, view)) }
                }
            };
        }
        let mut further = Vec::new();
        for (name, columns) in of.further {
            // A role may read the item and not all that belongs to it, and a deleted user has no doors.
            let Ok(read) = self.console.read(self.administrator, name, given()).await else {
                continue;
            };
            let caption = self.frame.text(name);
            further.push(
                self.frame
                    .table(caption, columns, &read.items, &|_| Markup::default(), false),
            );
        }
        Ok(html! {
            (shown)
            @for offer in of.offers { (self.offer(offer, &[(of.parameter, item)])) }
            @for table in &further { (table) }
        })
    }

    /// Returns the form of an operation, where the administrator may do it: no page offers what would be refused.
    fn offer(&self, name: &str, fixed: &[(&str, &str)]) -> Markup {
        let Some(operation) = operation(name) else {
            return Markup::default();
        };
        let roles = self.administrator.grants.iter().map(|grant| grant.role);
        if !roles.into_iter().any(|role| role.may(operation.permission)) {
            return Markup::default();
        }
        let action = format!("{}/o/{}/do/{name}", self.console.prefix, encoded(self.org));
        let key = self.console.sessions.give(self.cookie);
        self.frame.form(operation, &action, &key, fixed, &Sent::default())
    }
}
