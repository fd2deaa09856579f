//! Visits: signing in, reading pages, sending forms.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use keyfob_access::AccessGroups;
use keyfob_admin::{Administration, Administrator, Answer, Call, Grant, OPERATIONS, Role, Scope, operation};
use keyfob_console::router;
use keyfob_core::{Object, ResourceType, schema::RegistryBuilder};
use keyfob_engine::{
    DynStore, Hooked, Hooks, ReadContext, RequestId, RequestRecord, RequestRecorder as _, StoreError,
    TenantId,
};
use keyfob_provisioning::{Profile, Provisioner, RequestLog};
use keyfob_store_memory::MemoryStore;
use tower::ServiceExt as _;

struct Site {
    administration: Administration<DynStore>,
    provisioner: Provisioner<DynStore>,
    router: Router,
    token: String,
    away: Away,
}

/// If true, the store can't be read.
#[derive(Clone, Default)]
struct Away(Arc<AtomicBool>);

impl Hooks for Away {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        if self.0.load(Relaxed) {
            return Err(StoreError::unavailable("the database is away"));
        }
        Ok(())
    }
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Seen {
    /// The key of the form that does an operation.
    #[track_caller]
    fn key(&self, action: &str) -> String {
        let start = self
            .text
            .find(&format!("{action}\""))
            .unwrap_or_else(|| panic!("no form {action}: {}", self.text));
        let rest = self.text.get(start..).unwrap();
        let value = rest.split("name=\"form\" value=\"").nth(1).unwrap();
        value.split('"').next().unwrap().to_owned()
    }

    fn location(&self) -> &str {
        self.headers.get("location").unwrap().to_str().unwrap()
    }
}

/// A browser with its cookie, as a person uses it.
struct Browser<'s> {
    site: &'s Site,
    cookie: String,
}

impl Site {
    async fn start() -> Self {
        let registry = keyfob_access::register(RegistryBuilder::verkada().flat_groups());
        let registry = registry.build().unwrap();
        let groups = AccessGroups::new(&registry).unwrap();
        let away = Away::default();
        let store = DynStore::new(Hooked::new(MemoryStore::new(), away.clone()));
        let provisioner = Provisioner::builder(store, registry)
            .with_profile(Profile::verkada())
            .with_module(groups)
            .build();
        let administration = Administration::new([provisioner.clone()]);
        let token = administration.bootstrap(None).await.unwrap().unwrap();
        let router = Router::new().nest("/console", router(administration.clone(), "/console"));
        let site = Self {
            administration,
            provisioner,
            router,
            token: token.expose().to_owned(),
            away,
        };
        site.done("createOrganization", &[("name", "Acme"), ("profile", "verkada")])
            .await;
        site
    }

    async fn acme(&self) -> TenantId {
        let organization = self.provisioner.admin().organization("Acme").await;
        organization.unwrap().tenant
    }

    async fn done(&self, name: &str, input: &[(&str, &str)]) -> Object {
        let owner = Administrator::new("owner", "test")
            .with_grant(Grant::new(Role::Operator, Scope::Service))
            .with_grant(Grant::new(Role::Administrator, Scope::Service));
        let operation = operation(name).unwrap();
        let mut object = Object::new();
        for (name, value) in input {
            object.insert(*name, *value);
        }
        match self
            .administration
            .perform(&owner, &Call::new(operation, object))
            .await
        {
            Ok(Answer::One(view)) => view,
            Ok(_) => Object::new(),
            Err(problem) => panic!("{name}: {problem}"),
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:9000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let seen = Seen {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        };
        let policy = seen
            .headers
            .get("content-security-policy")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(!seen.text.contains("<script"), "{path} has no script");
        assert!(!seen.text.contains(" style=\""), "{path} has no style of its own");
        assert!(seen.text.len() <= 60_000, "{path} has {} bytes", seen.text.len());
        seen
    }

    async fn browser_with(&self, token: &str) -> Browser<'_> {
        let headers = [
            ("origin", "http://127.0.0.1:9000"),
            ("sec-fetch-site", "same-origin"),
        ];
        let seen = self
            .send("POST", "/console/sign-in", &headers, &format!("token={token}"))
            .await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        let cookie = seen.headers.get("set-cookie").unwrap().to_str().unwrap();
        for wanted in ["__Host-keyfob=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        assert!(!cookie.contains(token), "the cookie is not the token");
        Browser {
            site: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    async fn browser(&self) -> Browser<'_> {
        self.browser_with(&self.token).await
    }
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> Seen {
        self.site.send("GET", path, &[("cookie", &self.cookie)], "").await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let encoded = |text: &str| {
            let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            bytes.concat()
        };
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("origin", "http://127.0.0.1:9000"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.site
            .send("POST", path, &headers, &fields.collect::<Vec<_>>().join("&"))
            .await
    }
}

const PAGES: [&str; 19] = [
    "overview",
    "tokens",
    "domains",
    "synchronization",
    "users",
    "invites",
    "deleted-users",
    "groups",
    "access-groups",
    "levels",
    "doors",
    "units",
    "roles",
    "set-up",
    "setup-links",
    "administrators",
    "webhooks",
    "requests",
    "audit",
];

#[tokio::test]
async fn wrong_tokens_are_told_to_stop_and_shut_nobody_out_who_has_one() {
    let site = Site::start().await;
    let try_wrong = async || {
        let headers = [("origin", "http://127.0.0.1:9000")];
        let body = "token=ka_guessed";
        site.send("POST", "/console/sign-in", &headers, body).await.status
    };
    for _ in 0..30 {
        assert_eq!(try_wrong().await, StatusCode::FORBIDDEN);
    }
    assert_eq!(try_wrong().await, StatusCode::TOO_MANY_REQUESTS);
    site.browser().await;
}

#[tokio::test]
async fn a_store_that_is_away_ends_no_session_and_makes_no_token_a_wrong_one() {
    let site = Site::start().await;
    let browser = site.browser().await;
    site.away.0.store(true, Relaxed);
    assert_ne!(browser.get("/console/organizations").await.status, StatusCode::OK);
    let headers = [("origin", "http://127.0.0.1:9000")];
    let body = format!("token={}", site.token);
    for _ in 0..40 {
        let seen = site.send("POST", "/console/sign-in", &headers, &body).await;
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{}", seen.text);
    }
    site.away.0.store(false, Relaxed);
    assert_eq!(browser.get("/console/organizations").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_is_about_the_organization_of_its_page_whatever_that_is_called_by_then() {
    let site = Site::start().await;
    let acme = site.done("showOrganization", &[("org", "Acme")]).await;
    let id = acme.get_str("id").unwrap();
    let browser = site.browser().await;
    let page = browser.get("/console/o/Acme/doors").await.text;
    let action = page
        .split("action=\"")
        .find(|rest| rest.contains("/do/createDoor\""))
        .unwrap();
    let action = action.split('"').next().unwrap().to_owned();
    let key = page.split("/do/createDoor\"").nth(1).unwrap();
    let key = key
        .split("name=\"form\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    // Another organization takes the name while the form is open.
    site.done("renameOrganization", &[("org", id), ("name", "Former")])
        .await;
    let other = [("name", "Acme"), ("profile", "verkada")];
    site.done("createOrganization", &other).await;
    let fields = [
        ("form", key),
        ("name", "Lobby"),
        ("back", "/console/organizations"),
    ];
    assert_eq!(browser.post(&action, &fields).await.status, StatusCode::SEE_OTHER);
    for (name, has) in [("Former", true), ("Acme", false)] {
        let doors = browser.get(&format!("/console/o/{name}/doors")).await.text;
        assert_eq!(doors.contains("Lobby"), has, "{name}");
    }
}

#[tokio::test]
async fn t_2_t_5_a_token_is_shown_once_and_sending_the_form_again_makes_none() {
    let site = Site::start().await;
    let browser = site.browser().await;
    let page = browser.get("/console/o/Acme/domains").await;
    let key = page.key("/do/addDomains");
    let fields = [
        ("form", key.as_str()),
        ("domains", "acme.com\nacme.de"),
        ("back", "/console/o/Acme/domains"),
    ];
    let shown = browser.post("/console/o/Acme/do/addDomains", &fields).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(shown.headers.get("cache-control").unwrap(), "no-store");
    let token = shown
        .text
        .split("<code>")
        .nth(1)
        .unwrap()
        .split("</code>")
        .next()
        .unwrap()
        .to_owned();
    assert!(token.starts_with("kf1_"), "{token}");
    // Reloading sends the form again.
    let again = browser.post("/console/o/Acme/do/addDomains", &fields).await;
    assert!(
        again.text.contains("nothing was done a second time"),
        "{}",
        again.text
    );
    assert!(!again.text.contains(&token));
    let tokens = browser.get("/console/o/Acme/tokens").await;
    assert!(!tokens.text.contains(&token), "T-3");
    assert!(
        tokens.text.contains(token.get(token.len() - 4..).unwrap()),
        "the hint"
    );
    // Refreshing warns first, and says what stops.
    let key = tokens.key("/do/refreshToken");
    let back = "/console/o/Acme/tokens";
    let asked = browser
        .post(
            "/console/o/Acme/do/refreshToken",
            &[("form", &key), ("back", back)],
        )
        .await;
    assert_eq!(asked.status, StatusCode::PRECONDITION_REQUIRED);
    assert!(
        asked.text.contains("shut out until it has the new one"),
        "{}",
        asked.text
    );
    let key = asked.key("/do/refreshToken");
    let digest = asked.text.split("name=\"confirmation\" value=\"").nth(1).unwrap();
    let digest = digest.split('"').next().unwrap();
    let fields = [("form", key.as_str()), ("back", back), ("confirmation", digest)];
    let refreshed = browser.post("/console/o/Acme/do/refreshToken", &fields).await;
    assert!(
        refreshed.text.contains("kf1_") && !refreshed.text.contains(&token),
        "{}",
        refreshed.text
    );
}

#[tokio::test]
async fn every_page_is_there_in_both_languages_and_what_was_named_is_text() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}";
    let site = Site::start().await;
    let acme = [("org", "Acme")];
    for (name, more) in [
        (
            "createUser",
            &[("userName", "ann@example.com"), ("displayName", HOSTILE)][..],
        ),
        ("createDoor", &[("name", HOSTILE), ("site", HOSTILE)]),
        ("createAccessGroup", &[("name", HOSTILE)]),
        ("createLevel", &[("name", HOSTILE), ("doors", HOSTILE)]),
        ("createUnit", &[("name", HOSTILE)]),
        ("createRole", &[("name", HOSTILE)]),
        ("enableProvisioning", &[]),
    ] {
        site.done(name, &[&acme[..], more].concat()).await;
    }
    // A refused request with the token of a name, for which no administrator has to be asked.
    let log = RequestLog::new(Arc::clone(site.provisioner.engine()));
    let request = RequestId::new(HOSTILE);
    let mut refused = RequestRecord::new(site.provisioner.now(), request, "POST", "/Users", 409);
    (refused.credential, refused.refusal) = (HOSTILE.into(), Some("uniqueness".into()));
    log.record(&site.acme().await, refused);
    log.flush().await.unwrap();
    let browser = site.browser().await;
    for page in PAGES {
        for (code, heading) in [("en", "Sign out"), ("ko", "로그아웃")] {
            let seen = browser.get(&format!("/console/o/Acme/{page}?lang={code}")).await;
            assert_eq!(seen.status, StatusCode::OK, "{page}: {}", seen.text);
            assert!(seen.text.contains(&format!("<html lang=\"{code}\">")), "{page}");
            assert!(seen.text.contains(heading), "{page} in {code}");
            assert_eq!(seen.text.matches("<h1>").count(), 1, "{page}");
            assert!(!seen.text.contains("alert(1)</script>"), "{page}: {}", seen.text);
            assert!(
                !seen.text.contains(['\u{1b}', '\u{202e}']),
                "{page}: {}",
                seen.text
            );
        }
        for named in [
            "doors",
            "levels",
            "access-groups",
            "units",
            "roles",
            "users",
            "requests",
        ] {
            if page == named {
                let seen = browser.get(&format!("/console/o/Acme/{page}")).await;
                assert!(seen.text.contains("&lt;script&gt;"), "{page} shows the name");
            }
        }
    }
    let refusal = browser.get("/console/o/Acme/requests/0?lang=en").await;
    for said in ["What to change", "rename or remove one of them", "&lt;script&gt;"] {
        assert!(refusal.text.contains(said), "{said}: {}", refusal.text);
    }
    let narrowed = browser.get("/console/o/Acme/requests?outcome=done").await;
    assert!(
        narrowed.text.contains("There is nothing here."),
        "{}",
        narrowed.text
    );
    let overview = browser.get("/console/o/Acme/overview").await;
    assert!(overview.text.contains("Last refusal"), "{}", overview.text);
    let ann = site
        .done("showUser", &[("org", "Acme"), ("user", "ann@example.com")])
        .await;
    let user = browser
        .get(&format!("/console/o/Acme/users/{}", ann.get_str("id").unwrap()))
        .await;
    assert_eq!(user.status, StatusCode::OK);
    assert!(user.text.contains("&lt;script&gt;") && user.text.contains("/do/deactivateUser"));
    for missing in [
        "/console/o/Acme/nothing",
        "/console/o/Acme/audit/1",
        "/console/o/Nobody/users",
        "/console/x",
    ] {
        assert_eq!(
            browser.get(missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
    let absent = browser.get("/console/o/Acme/users/nobody").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_is_let_in_without_a_session_and_no_other_site_sends_anything() {
    let site = Site::start().await;
    for page in PAGES {
        let seen = site
            .send("GET", &format!("/console/o/Acme/{page}"), &[], "")
            .await;
        assert_eq!(
            (seen.status, seen.location()),
            (StatusCode::SEE_OTHER, "/console/sign-in"),
            "{page}"
        );
    }
    let own = ("origin", "http://127.0.0.1:9000");
    let wrong = site
        .send("POST", "/console/sign-in", &[own], "token=ka_nothing")
        .await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let token = format!("token={}", site.token);
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[own, ("sec-fetch-site", "cross-site")],
    ] {
        let refused = site.send("POST", "/console/sign-in", headers, &token).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    let browser = site.browser().await;
    let page = browser.get("/console/o/Acme/doors").await;
    let key = page.key("/do/createDoor");
    let body = format!("form={key}&name=Lobby&back=/console/o/Acme/doors");
    let cookie = ("cookie", browser.cookie.as_str());
    let path = "/console/o/Acme/do/createDoor";
    for headers in [&[cookie][..], &[cookie, ("origin", "https://evil.example")]] {
        let forged = site.send("POST", path, headers, &body).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    // A form without a key, or with that of another session, is none.
    let other = site.browser().await;
    for key in ["", "x", &key] {
        let refused = other.post(path, &[("form", key), ("name", "Lobby")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{key}");
    }
    assert!(!browser.get("/console/o/Acme/doors").await.text.contains("Lobby"));
    // Where a form leads is a page of the console.
    let page = browser.get("/console/o/Acme/doors").await;
    let key = page.key("/do/createDoor");
    let fields = [
        ("form", key.as_str()),
        ("name", "Lobby"),
        ("back", "https://evil.example/"),
    ];
    let made = browser.post(path, &fields).await;
    assert_eq!(
        (made.status, made.location()),
        (StatusCode::SEE_OTHER, "/console/organizations")
    );
    assert!(browser.get("/console/o/Acme/doors").await.text.contains("Lobby"));
    let key = browser.get("/console/organizations").await.key("/sign-out");
    browser.post("/console/sign-out", &[("form", &key)]).await;
    assert_eq!(
        browser.get("/console/organizations").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_page_offers_what_the_role_allows_and_a_session_ends_with_its_token() {
    let site = Site::start().await;
    let issued = site
        .done(
            "issueAdminToken",
            &[("org", "Acme"), ("name", "eve"), ("roles", "auditor")],
        )
        .await;
    let auditor = site.browser_with(issued.get_str("token").unwrap()).await;
    for page in PAGES {
        let seen = auditor.get(&format!("/console/o/Acme/{page}")).await;
        let expected = if ["administrators", "setup-links"].contains(&page) {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::OK
        };
        assert_eq!(seen.status, expected, "{page}");
        assert!(
            !seen.text.contains("/do/"),
            "{page} offers an auditor nothing: {}",
            seen.text
        );
    }
    let owner = site.browser().await;
    let page = owner.get("/console/o/Acme/administrators").await;
    let back = "/console/o/Acme/administrators";
    let fields = [
        ("form", page.key("/do/revokeAdminToken")),
        ("token", "eve".to_owned()),
        ("back", back.to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let asked = owner.post("/console/o/Acme/do/revokeAdminToken", &fields).await;
    let digest = asked
        .text
        .split("name=\"confirmation\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let key = asked.key("/do/revokeAdminToken");
    let fields = [
        ("form", key.as_str()),
        ("token", "eve"),
        ("back", back),
        ("confirmation", digest),
    ];
    assert_eq!(
        owner
            .post("/console/o/Acme/do/revokeAdminToken", &fields)
            .await
            .location(),
        back
    );
    assert_eq!(
        auditor.get("/console/o/Acme/users").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_set_up_link_leads_to_the_set_up_of_its_organization_and_nowhere_else() {
    let site = Site::start().await;
    let other = [("name", "Umbrella"), ("profile", "verkada")];
    site.done("createOrganization", &other).await;
    site.done("createUser", &[("org", "Acme"), ("userName", "ann@example.com")])
        .await;
    let owner = site.browser().await;
    let page = owner.get("/console/o/Acme/setup-links").await;
    let key = page.key("/do/issueSetupLink");
    let fields = [
        ("form", key.as_str()),
        ("name", "it@acme.example"),
        ("back", "/console/o/Acme/setup-links"),
    ];
    let shown = owner.post("/console/o/Acme/do/issueSetupLink", &fields).await;
    let link = shown.text.split("<code>").nth(1).unwrap();
    let link = link.split("</code>").next().unwrap();
    let path = link
        .strip_prefix("http://127.0.0.1:9000")
        .expect("the address of the pages");
    let again = owner.post("/console/o/Acme/do/issueSetupLink", &fields).await;
    assert!(!again.text.contains(link), "it is shown once, and none is made");
    assert!(!owner.get("/console/o/Acme/setup-links").await.text.contains(link));
    // The page of a link says nothing of it, and begins no session.
    let page = site.send("GET", path, &[], "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.headers.contains_key("set-cookie") && !page.text.contains("Acme"));
    let token = page.text.split("name=\"token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    let headers = [("origin", "http://127.0.0.1:9000")];
    let sign_in = format!("token={token}");
    let opened = site.send("POST", "/console/sign-in", &headers, &sign_in).await;
    let acme = site.acme().await;
    let set_up = format!("/console/o/{}/set-up", acme.as_str().replace('-', "%2D"));
    assert_eq!(
        (opened.status, opened.location()),
        (StatusCode::SEE_OTHER, set_up.as_str())
    );
    let holder = site.browser_with(&token).await;
    let page = holder.get(&set_up).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("/do/enableProvisioning") && page.text.contains("/do/refreshToken"));
    for absent in ["/users\"", "/requests\"", "/do/unlink", "ann@example.com"] {
        assert!(!page.text.contains(absent), "{absent}: {}", page.text);
    }
    let fields = [
        ("form", page.key("/do/enableProvisioning")),
        ("back", set_up.clone()),
    ];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let action = format!("/console/o/{}/do/enableProvisioning", acme.as_str());
    let made = holder.post(&action, &fields).await;
    assert!(made.text.contains("kf1_"), "{}", made.text);
    let page = holder.get(&format!("{set_up}?lang=en")).await;
    assert!(
        page.text.contains("Waiting for the first request"),
        "{}",
        page.text
    );
    for page in PAGES {
        let seen = holder.get(&format!("/console/o/Acme/{page}")).await;
        let is_open = ["set-up", "tokens"].contains(&page);
        let expected = if is_open {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(seen.status, expected, "{page}: {}", seen.text);
        assert!(!seen.text.contains("ann@example.com"), "{page}");
        let other = holder.get(&format!("/console/o/Umbrella/{page}")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{page}");
    }
    // A link that is none, or is over, is answered as a wrong token is.
    let none = site
        .send("POST", "/console/sign-in", &headers, "token=ka_none")
        .await;
    assert_eq!(none.status, StatusCode::FORBIDDEN);
    site.send("GET", "/console/link/%3Cscript%3E", &[], "").await;
}

#[tokio::test]
async fn every_operation_that_writes_has_a_form_on_a_page() {
    let site = Site::start().await;
    // What no page offers: the name of the organization and its end, which are an operator's, and the tokens of the service.
    let without = [
        "renameOrganization",
        "deleteOrganization",
        "issueServiceToken",
        "revokeServiceToken",
    ];
    let acme = ("org", "Acme");
    site.done("enableProvisioning", &[acme]).await;
    for (name, field) in [
        ("createDoor", "name"),
        ("createAccessGroup", "name"),
        ("createLevel", "name"),
        ("createUnit", "name"),
        ("createRole", "name"),
        ("createUser", "userName"),
    ] {
        site.done(name, &[acme, (field, "Lobby")]).await;
    }
    site.done("createUser", &[acme, ("userName", "gone")]).await;
    site.done("deactivateUser", &[acme, ("user", "gone")]).await;
    site.done("deleteUser", &[acme, ("user", "gone")]).await;
    site.done("addDomains", &[acme, ("domains", "acme.com")]).await;
    site.done("issueAdminToken", &[acme, ("name", "ci"), ("roles", "auditor")])
        .await;
    site.done("issueSetupLink", &[acme, ("name", "it")]).await;
    site.done("createWebhook", &[acme, ("url", "https://hooks.example.com/")])
        .await;
    let browser = site.browser().await;
    let mut text = browser.get("/console/organizations").await.text;
    for page in PAGES {
        let seen = browser.get(&format!("/console/o/Acme/{page}")).await.text;
        for link in seen.split(&format!("/{page}/")).skip(1) {
            let item = link.split('"').next().unwrap();
            text += &browser.get(&format!("/console/o/Acme/{page}/{item}")).await.text;
        }
        text += &seen;
    }
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.risk != keyfob_admin::Risk::Read)
    {
        let of_groups = ["createAccessGroupFromScim", "mapGroup", "unmapGroup"].contains(&operation.name);
        let has = text.contains(&format!("/do/{}\"", operation.name));
        assert!(
            has || of_groups || without.contains(&operation.name),
            "{} is on no page",
            operation.name
        );
    }
}

/// Returns the texts of a page that a Korean reader can't read: three or more English words one after the other, in a text
/// without Hangul that is no code.
fn english(page: &str) -> Vec<String> {
    let body = page.split("<main").nth(1).unwrap_or(page);
    let mut found = Vec::new();
    for part in body.split('<') {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let tag = tag.split(' ').next().unwrap_or_default();
        let is_code = ["code", "time", "textarea"].contains(&tag);
        let has_hangul = text.chars().any(|letter| ('가'..='힣').contains(&letter));
        let mut longest = 0;
        let mut run = 0;
        for word in text.split(' ') {
            let is_word = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
            run = if is_word { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        if longest >= 3 && !has_hangul && !is_code {
            found.push(text.to_owned());
        }
    }
    found
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "something on every page, and every page")]
async fn g_10_no_english_sentence_is_left_on_a_korean_page() {
    let told = english("<main><li>there is no such page</li><code>there is no code</code>");
    assert_eq!(
        told,
        ["there is no such page"],
        "the test finds what it looks for"
    );
    let site = Site::start().await;
    let acme = ("org", "Acme");
    for (name, more) in [
        ("addDomains", &[("domains", "acme.com")][..]),
        ("createUser", &[("userName", "ann@acme.com")]),
        ("createUser", &[("userName", "gone@acme.com")]),
        ("deactivateUser", &[("user", "gone@acme.com")]),
        ("deleteUser", &[("user", "gone@acme.com")]),
        ("createDoor", &[("name", "Lobby"), ("site", "본관")]),
        ("createAccessGroup", &[("name", "출입 그룹")]),
        ("createLevel", &[("name", "Office"), ("doors", "Lobby")]),
        ("createUnit", &[("name", "Lab")]),
        ("createRole", &[("name", "Reader")]),
        ("setSynchronization", &[("ignore", "title"), ("groups", "off")]),
        ("issueAdminToken", &[("name", "ci"), ("roles", "auditor")]),
        ("issueSetupLink", &[("name", "it")]),
        ("createWebhook", &[("url", "https://hooks.example.com/")]),
    ] {
        site.done(name, &[&[acme], more].concat()).await;
    }
    // A refusal of each kind, as the log has them.
    let log = RequestLog::new(Arc::clone(site.provisioner.engine()));
    let codes = keyfob_engine::Explanation::all().chain(keyfob_provisioning::Refusal::explanations());
    for explanation in codes {
        let id = RequestId::new(explanation.code);
        let mut refused = RequestRecord::new(site.provisioner.now(), id, "POST", "/Users", 409);
        refused.refusal = Some(explanation.code.into());
        log.record(&site.acme().await, refused);
    }
    log.flush().await.unwrap();
    let browser = site.browser().await;
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    for provider in ["okta", "google", "onelogin", "jumpcloud", "other"] {
        pages.push(format!("set-up?provider={provider}"));
    }
    let mut wrong = Vec::new();
    let mut asked = 0;
    let mut number = 0;
    while let Some(page) = pages.get(number).cloned() {
        number += 1;
        let sign = if page.contains('?') { "&" } else { "?" };
        let path = format!("/console/o/Acme/{page}");
        let seen = browser.get(&format!("{path}{sign}lang=ko")).await;
        assert_eq!(seen.status, StatusCode::OK, "{page}: {}", seen.text);
        wrong.extend(
            english(&seen.text)
                .into_iter()
                .map(|text| format!("{page}: {text}")),
        );
        for address in seen.text.split("href=\"").skip(1) {
            let address = address.split('"').next().unwrap();
            let below = address
                .split_once("/o/")
                .and_then(|(_, rest)| rest.split_once('/'));
            if let Some((_, below)) = below {
                let below = below.replace("&amp;", "&");
                if !below.contains("lang=") && !pages.contains(&below) {
                    pages.push(below);
                }
            }
        }
        // What every form answers without its values: a preview, or why nothing was done.
        for form in seen.text.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let Some(action) = form.split("action=\"").nth(1) else {
                continue;
            };
            let action = action.split('"').next().unwrap();
            let Some((_, name)) = action.split_once("/do/") else {
                continue;
            };
            // The forms of what would end the test are sent at the end of nothing: previews and refusals change nothing.
            let risk = operation(name).unwrap().risk;
            let has_field = form.contains(" required");
            if risk != keyfob_admin::Risk::Confirmed && !has_field {
                continue;
            }
            let hidden = form.split("type=\"hidden\" name=\"").skip(1);
            let fields: Vec<(&str, &str)> = hidden
                .map(|field| {
                    let (name, rest) = field.split_once('"').unwrap();
                    let value = rest.split("value=\"").nth(1).unwrap();
                    (name, value.split('"').next().unwrap())
                })
                .chain([("lang", "ko")])
                .collect();
            let answered = browser.post(&format!("{action}?lang=ko"), &fields).await;
            assert!(answered.status.is_client_error(), "{name}: {}", answered.text);
            asked += 1;
            wrong.extend(
                english(&answered.text)
                    .into_iter()
                    .map(|text| format!("{name} of {page}: {text}")),
            );
        }
    }
    assert!(
        pages.len() > PAGES.len() + 10 && asked > 20,
        "{} pages, {asked} forms",
        pages.len()
    );
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
