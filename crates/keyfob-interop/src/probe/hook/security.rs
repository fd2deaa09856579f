//! Who may see what.

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt, insert},
    server::text,
    wire::{Ask, Token},
};

async fn is_refused(cx: &mut Cx<'_, '_>, token: Token) -> Result<(), Halt> {
    for path in [cx.users(), cx.groups()] {
        let reply = cx.send(Ask::get(&path).query("count", "1").token(token)).await?;
        cx.expect(!reply.is_success(), &path, reply.short());
    }
    Ok(())
}

pub(super) async fn no_token(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    is_refused(cx, Token::None).await
}

pub(super) async fn wrong_token(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    is_refused(cx, Token::Wrong).await
}

pub(super) async fn challenge(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx
        .send(Ask::get(cx.users()).query("count", "1").token(Token::None))
        .await?;
    if reply.status != 401 {
        return Err(Halt::Skip(
            "a request without a token is not answered with 401".to_owned(),
        ));
    }
    cx.expect(
        !reply.header("www-authenticate").is_empty(),
        "",
        "the answer has no `WWW-Authenticate`",
    );
    Ok(())
}

const PASSWORD: &str = "Probe-7fA!rQ92x";

async fn with_password(cx: &mut Cx<'_, '_>) -> Result<(String, Vec<(&'static str, Value)>), Halt> {
    let mut body = cx.smallest("User");
    insert(&mut body, "password", json!(PASSWORD));
    let (id, created) = cx.create("User", &body).await?;
    let path = format!("{}/{id}", cx.users());
    let read = cx.send(Ask::get(&path)).await?;
    let asked = cx.send(Ask::get(&path).query("attributes", "password")).await?;
    let filter = format!("userName eq \"{}\"", text(&body, "userName"));
    let list = cx.send(Ask::get(cx.users()).query("filter", &filter)).await?;
    let answers = vec![
        ("POST", created.json),
        ("GET", read.json),
        ("attributes", asked.json),
        ("list", list.json),
    ];
    Ok((text(&body, "userName").to_owned(), answers))
}

pub(super) async fn password_returned(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (_, answers) = with_password(cx).await?;
    for (case, answer) in answers {
        let resource = answer.pointer("/Resources/0").unwrap_or(&answer);
        let shown = resource
            .get("password")
            .is_some_and(|password| !password.is_null());
        cx.expect(
            !shown && !answer.to_string().contains(PASSWORD),
            case,
            "the password is returned",
        );
    }
    Ok(())
}

pub(super) async fn password_filter(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (name, _) = with_password(cx).await?;
    let start = PASSWORD.get(..5).unwrap_or_default();
    let right = format!("userName eq \"{name}\" and password sw \"{start}\"");
    let wrong = format!("userName eq \"{name}\" and password sw \"nothing\"");
    let right = cx.send(Ask::get(cx.users()).query("filter", &right)).await?;
    let wrong = cx.send(Ask::get(cx.users()).query("filter", &wrong)).await?;
    let tells = right.is_success() && !right.resources().is_empty() && wrong.resources().is_empty();
    cx.expect(
        !tells,
        "",
        "filters tell how the password begins, so that it can be guessed letter by letter",
    );
    Ok(())
}

pub(super) async fn tenants_read(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::get(&path).token(Token::Other)).await?;
    cx.expect(
        !reply.is_success(),
        "",
        format!("another tenant reads the user: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn tenants_list(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let body = cx.smallest("User");
    cx.create("User", &body).await?;
    let filter = format!("userName eq \"{}\"", text(&body, "userName"));
    let reply = cx
        .send(Ask::get(cx.users()).query("filter", &filter).token(Token::Other))
        .await?;
    cx.expect(
        reply.resources().is_empty(),
        "",
        format!("another tenant finds the user: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn tenants_write(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Taken over"}]);
    let patched = cx
        .send(Ask::patch(&path, &operations).token(Token::Other))
        .await?;
    cx.expect(
        !patched.is_success(),
        "PATCH",
        format!("another tenant changes the user: {}", patched.short()),
    );
    let deleted = cx.send(Ask::delete(&path).token(Token::Other)).await?;
    cx.expect(
        !deleted.is_success(),
        "DELETE",
        format!("another tenant deletes the user: {}", deleted.short()),
    );
    Ok(())
}

pub(super) async fn internals(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let mut replies = vec![
        cx.send(Ask::get(cx.users()).query("filter", "userName xx ("))
            .await?,
    ];
    if !cx.run.probe.read_only {
        replies.push(
            cx.send(Ask::new(http::Method::POST, cx.users()).body("{\"schemas\": 1"))
                .await?,
        );
    }
    for reply in replies {
        let body = String::from_utf8_lossy(&reply.body);
        let marks = [
            "Traceback (most recent",
            "\n\tat ",
            "\\n\\tat ",
            "    at ",
            "Exception in thread",
            "panicked at",
            "SQLSTATE",
            "syntax error at or near",
        ];
        let found = marks.into_iter().find(|mark| body.contains(mark));
        cx.expect(
            found.is_none(),
            "",
            format!("an error shows the server's inside: {}", reply.short()),
        );
    }
    Ok(())
}
