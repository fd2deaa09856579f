//! Tokens and the first link, with a look at what is stored of them.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use keyfob_core::{Registry, ResourceType};
use keyfob_store::{Commit, Committed, Hooked, Hooks, Query, ReadContext, TenantId};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

use super::*;
use keyfob_engine::Actor;

use crate::{profile::Profile, provisioner::Provisioner};

type Organization<'e> = (Admin<'e, MemoryStore>, Context);

fn provisioner(profile: Profile) -> Provisioner<MemoryStore> {
    Provisioner::builder(MemoryStore::new(), Registry::verkada().clone())
        .with_profile(profile)
        .build()
}

fn organization(engine: &Provisioner<MemoryStore>) -> Organization<'_> {
    let organization = block_on(engine.admin().create_unlinked_organization("Acme")).unwrap();
    let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
    (engine.admin(), cx)
}

/// The ids of the tokens of which there is a row.
fn rows(engine: &Provisioner<MemoryStore>) -> BTreeSet<String> {
    let cx = ReadContext::new(TenantId::SYSTEM);
    let page = block_on(engine.store().query(&cx, system::token(), &Query::all())).unwrap();
    let ids = page.resources.iter().filter_map(|stored| stored.resource.id());
    ids.map(|id| id.to_string()).collect()
}

/// Checks that so many tokens open the organization, and that there are rows of those among them that don't name it and of
/// no others.
#[track_caller]
fn assert_rows(engine: &Provisioner<MemoryStore>, cx: &Context, number: usize) {
    let provisioning = block_on(engine.provisioning(cx)).unwrap();
    let valid = provisioning.tokens.iter();
    let in_directory: BTreeSet<_> = valid
        .filter(|token| !token.names_tenant)
        .map(|token| token.id.to_string())
        .collect();
    assert_eq!((rows(engine), provisioning.tokens.len()), (in_directory, number));
}

#[test]
fn t_4_a_token_that_ended_leaves_no_row() {
    let engine = provisioner(Profile::accessiq());
    let (admin, cx) = organization(&engine);
    ended_tokens_leave_no_row(&engine, &cx);
    assert!(rows(&engine).is_empty(), "the tokens name the tenant");
    // A tenant whose id is a name is not in its tokens.
    let cx = Context::new(TenantId::new("acme")).acting_as(Actor::Administrator);
    let token = block_on(admin.add_domain(&cx, "example.com")).unwrap().unwrap();
    assert!(!token.expose().contains("acme"));
    assert_rows(&engine, &cx, 1);
    assert_eq!(rows(&engine).len(), 1);
    block_on(admin.unlink(&cx, Some(Confirmed))).unwrap();
    ended_tokens_leave_no_row(&engine, &cx);
}

fn ended_tokens_leave_no_row(engine: &Provisioner<MemoryStore>, cx: &Context) {
    let admin = engine.admin();
    let domain = format!("{}.example.com", cx.tenant().as_str().len());
    block_on(admin.add_domain(cx, &domain)).unwrap().unwrap();
    assert_rows(engine, cx, 1);
    for _ in 0..5 {
        let token = block_on(admin.refresh_token(cx, None, Some(Confirmed))).unwrap();
        assert_rows(engine, cx, 1);
        assert!(block_on(engine.authenticate(token.expose())).is_ok());
    }
    for name in ["second", "third"] {
        block_on(admin.issue_token(cx, name, None)).unwrap();
    }
    assert_rows(engine, cx, 3);
    block_on(admin.refresh_token(cx, Some("second"), Some(Confirmed))).unwrap();
    assert_rows(engine, cx, 3);
    block_on(admin.revoke_token(cx, "third", Some(Confirmed))).unwrap();
    assert_rows(engine, cx, 2);
    block_on(admin.unlink(cx, Some(Confirmed))).unwrap();
    assert_rows(engine, cx, 0);
}

#[test]
fn t_5_t_6_t_7_a_refused_token_leaves_no_row() {
    let engine = provisioner(Profile::accessiq());
    let (admin, cx) = organization(&engine);
    let refresh = |name, confirmation| block_on(admin.refresh_token(&cx, name, confirmation));
    assert!(refresh(None, Some(Confirmed)).is_err(), "it isn't linked");
    assert!(block_on(admin.issue_token(&cx, "second", None)).is_err());
    assert_rows(&engine, &cx, 0);
    block_on(admin.add_domain(&cx, "example.com")).unwrap();
    assert!(refresh(None, None).is_err(), "nobody confirmed it");
    assert!(refresh(Some("other"), Some(Confirmed)).is_err());
    block_on(admin.issue_token(&cx, "second", None)).unwrap();
    assert!(refresh(None, Some(Confirmed)).is_err(), "there are two");
    assert!(block_on(admin.issue_token(&cx, "second", None)).is_err());
    assert!(block_on(admin.add_domain(&cx, "nonsense")).is_err());
    assert_rows(&engine, &cx, 2);
    let token = Token::generate().unwrap();
    assert!(block_on(admin.create_organization("ACME", &token)).is_err());
    assert_rows(&engine, &cx, 2);
}

#[test]
fn a_token_of_which_a_killed_start_left_a_row_links_all_the_same() {
    let engine = provisioner(Profile::interop());
    let (admin, cx) = organization(&engine);
    let token = Token::generate().unwrap();
    block_on(admin.register(&cx, &token)).unwrap();
    assert!(
        block_on(engine.authenticate(token.expose())).is_err(),
        "a row alone opens nothing"
    );
    assert!(block_on(admin.link_first(&cx, &token, &[])).unwrap());
    assert!(block_on(engine.authenticate(token.expose())).is_ok());
    assert_rows(&engine, &cx, 1);
    let other = block_on(admin.create_unlinked_organization("Umbrella")).unwrap();
    let other = Context::new(other.tenant).acting_as(Actor::Administrator);
    let error = block_on(admin.link_first(&other, &token, &[])).unwrap_err();
    assert!(matches!(error, AdminError::TokenTaken));
    assert_rows(&engine, &cx, 1);
}

/// Loses the answer to the commit that links, which happened or didn't.
struct Losing {
    happened: bool,
}

impl Hooks for Losing {
    fn before_commit(&self, commits: &[Arc<Commit>]) -> Result<(), StoreError> {
        let links = commits.iter().any(|commit| commit.verb == "link");
        if links && !self.happened {
            return Err(StoreError::OutcomeUnknown("the connection broke".into()));
        }
        Ok(())
    }

    fn after_commit(&self, commits: &[Arc<Commit>], outcomes: &mut Vec<Result<Committed, CommitError>>) {
        for (commit, outcome) in commits.iter().zip(outcomes) {
            if commit.verb == "link" {
                *outcome = Err(StoreError::OutcomeUnknown("the connection broke".into()).into());
            }
        }
    }
}

#[test]
fn a_token_keeps_its_row_where_it_is_not_known_whether_it_links() {
    for happened in [true, false] {
        let store = Hooked::new(MemoryStore::new(), Losing { happened });
        let engine = Provisioner::new(store, Registry::verkada().clone());
        let organization = block_on(engine.admin().create_unlinked_organization("Acme")).unwrap();
        let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
        let token = Token::generate().unwrap();
        assert!(block_on(engine.admin().link_first(&cx, &token, &[])).is_err());
        assert_eq!(
            block_on(engine.authenticate(token.expose())).is_ok(),
            happened,
            "{happened}"
        );
    }
}

#[test]
fn a_token_whose_row_was_lost_leads_to_the_organization_again() {
    let engine = provisioner(Profile::interop());
    let (admin, cx) = organization(&engine);
    let token = Token::generate().unwrap();
    assert!(block_on(admin.link_first(&cx, &token, &[])).unwrap());
    block_on(admin.forget(&token.id()));
    assert!(block_on(engine.authenticate(token.expose())).is_err());
    assert!(!block_on(admin.link_first(&cx, &token, &[])).unwrap());
    assert!(block_on(engine.authenticate(token.expose())).is_ok());
    // One that was taken back stays so.
    block_on(admin.unlink(&cx, Some(Confirmed))).unwrap();
    assert!(!block_on(admin.link_first(&cx, &token, &[])).unwrap());
    assert_rows(&engine, &cx, 0);
}

/// Counts how often it is read how the organization is provisioned.
#[derive(Clone, Default)]
struct Reads(Arc<AtomicUsize>);

impl Hooks for Reads {
    fn before_read(&self, _: &ReadContext, resource_type: &ResourceType) -> Result<(), StoreError> {
        if resource_type.name() == system::provisioning().name() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn the_first_link_looks_once_before_it_registers_its_token_and_once_when_it_decides() {
    let reads = Reads::default();
    let store = Hooked::new(MemoryStore::new(), reads.clone());
    let engine = Provisioner::new(store, Registry::verkada().clone());
    let organization = block_on(engine.admin().create_unlinked_organization("Acme")).unwrap();
    let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
    let token = Token::generate().unwrap();
    for is_first in [true, false] {
        reads.0.store(0, Ordering::Relaxed);
        assert_eq!(
            block_on(engine.admin().link_first(&cx, &token, &[])).unwrap(),
            is_first
        );
        assert_eq!(reads.0.load(Ordering::Relaxed), 2, "{is_first}");
    }
}

#[test]
fn the_first_link_is_made_once_and_remembered() {
    let engine = provisioner(Profile::verkada());
    let (admin, cx) = organization(&engine);
    let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    let domains: Vec<EmailDomain> = vec!["example.com".parse().unwrap()];
    assert!(block_on(admin.link_first(&cx, &token, &domains)).unwrap());
    for _ in 0..2 {
        assert!(!block_on(admin.link_first(&cx, &other, &[])).unwrap());
        assert_rows(
            &engine,
            &cx,
            usize::from(block_on(engine.provisioning(&cx)).unwrap().is_linked()),
        );
        block_on(admin.add_domain(&cx, "example.org")).unwrap();
        block_on(admin.refresh_token(&cx, None, Some(Confirmed))).unwrap();
        let first = block_on(engine.provisioning(&cx)).unwrap().first_link.unwrap();
        assert!(first.is_of(&token) && !first.is_of(&other));
        assert_eq!(first.domains, domains);
        block_on(admin.unlink(&cx, Some(Confirmed))).unwrap();
    }
}
