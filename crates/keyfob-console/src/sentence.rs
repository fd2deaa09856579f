//! The sentences of the libraries, in Korean. The libraries say them in English, with values in them; pages of programs and of
//! the command have them so.

/// Returns a sentence of the libraries in Korean; none for what is no sentence of theirs, such as a name.
pub(crate) fn korean(english: &str) -> Option<String> {
    SENTENCES.iter().find_map(|(template, korean)| {
        let values = values(template, english)?;
        let mut parts = korean.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (value, part) in values.iter().zip(parts) {
            // A value may be a sentence of its own, as how to get a token is in a guide.
            text += &nested(value).unwrap_or_else(|| (*value).to_owned());
            text += part;
        }
        Some(text)
    })
}

/// Returns a value in Korean that stands in another sentence. It has no values itself that are sentences.
fn nested(english: &str) -> Option<String> {
    let is_whole = |template: &&(&str, &str)| template.0 != "{} is missing" && !template.0.starts_with("{}");
    let (template, korean) = SENTENCES
        .iter()
        .filter(is_whole)
        .find(|(template, _)| values(template, english).is_some())?;
    let values = values(template, english)?;
    let mut parts = korean.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (value, part) in values.iter().zip(parts) {
        text += value;
        text += part;
    }
    Some(text)
}

/// Returns what stands in the holes of a template, if a text is one of it.
fn values<'t>(template: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = template.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() {
            // The last part ends the text.
            rest.strip_suffix(part)?.len()
        } else {
            rest.find(part)?
        };
        values.push(rest.get(..end)?);
        rest = rest.get(end..)?.strip_prefix(part)?;
    }
    rest.is_empty().then_some(values)
}

/// English and Korean, with the same values in the same order. No particle depends on a value.
pub(crate) const SENTENCES: &[(&str, &str)] = &[
    // Refusals of the engine, with what to change.
    ("there is no such resource", "해당 리소스가 없습니다"),
    (
        "let the provider match its users and groups anew, as by a restart of its provisioning",
        "공급자의 프로비저닝을 다시 시작하여 사용자와 그룹을 다시 일치시키십시오",
    ),
    (
        "the credential may read and not write",
        "읽기만 가능한 자격 증명입니다",
    ),
    (
        "give the provider a token that may write",
        "공급자에 쓰기가 가능한 토큰을 설정하십시오",
    ),
    (
        "the resource has changed since the version that the request names",
        "요청에 지정된 버전 이후에 리소스가 변경되었습니다",
    ),
    (
        "nothing, if the provider repeats the request; it read the resource before somebody else changed it",
        "공급자가 요청을 반복하면 조치가 필요 없습니다. 다른 변경이 있기 전의 리소스를 읽었습니다",
    ),
    (
        "the profile demands `If-Match`, so that nobody overwrites what they have not read",
        "읽지 않은 내용을 덮어쓰지 않도록 프로필이 `If-Match`를 요구합니다",
    ),
    (
        "let the provider send `If-Match`, or choose another profile",
        "공급자가 `If-Match`를 보내도록 하거나 다른 프로필을 선택하십시오",
    ),
    (
        "another resource has a value that has to be unique",
        "고유해야 하는 값을 다른 리소스가 이미 사용하고 있습니다",
    ),
    (
        "look for the other resource with this value, and rename or remove one of them",
        "같은 값을 가진 다른 리소스를 찾아 둘 중 하나의 이름을 바꾸거나 제거하십시오",
    ),
    (
        "a user can't come back, because another one has the user name by now",
        "다른 사용자가 같은 사용자 이름을 쓰고 있어 복원할 수 없습니다",
    ),
    (
        "rename or remove the other user, or bring this one back under another user name",
        "다른 사용자의 이름을 바꾸거나 제거하고, 또는 이 사용자를 다른 사용자 이름으로 복원하십시오",
    ),
    (
        "members of the group don't exist here",
        "그룹의 구성원이 여기에 없습니다",
    ),
    (
        "let the provider provision the members before the group: assign them to the application, too",
        "그룹보다 구성원이 먼저 프로비저닝되도록 구성원도 애플리케이션에 할당하십시오",
    ),
    (
        "a user lacks an attribute that the profile demands",
        "프로필이 요구하는 속성이 사용자에게 없습니다",
    ),
    (
        "map the attribute in the provider, and give the user a value there",
        "공급자에서 속성을 매핑하고 사용자에게 값을 지정하십시오",
    ),
    (
        "a value has more characters than there is room for",
        "값이 허용된 길이보다 깁니다",
    ),
    ("shorten the value in the provider", "공급자에서 값을 줄이십시오"),
    (
        "a group is put into itself",
        "그룹이 자기 자신의 구성원으로 추가되었습니다",
    ),
    (
        "take the group out of its own members in the provider",
        "공급자에서 그룹을 자신의 구성원에서 제거하십시오",
    ),
    (
        "a rule of the service refuses the change",
        "서비스 규칙에 따라 변경이 거부되었습니다",
    ),
    (
        "look at the answer that the provider has logged; it names the rule",
        "공급자에 기록된 응답에서 해당 규칙을 확인하십시오",
    ),
    (
        "a value doesn't fit its attribute",
        "값이 속성의 형식에 맞지 않습니다",
    ),
    (
        "correct the mapping of the attribute in the provider; its log names the attribute",
        "공급자에서 속성 매핑을 수정하십시오. 해당 속성은 공급자의 로그에 있습니다",
    ),
    (
        "the user name holds a character that user names can't have",
        "사용자 이름에 허용되지 않는 문자가 있습니다",
    ),
    (
        "correct the user name in the provider",
        "공급자에서 사용자 이름을 수정하십시오",
    ),
    (
        "an operation of the change can't be applied",
        "변경 작업 중 하나를 적용할 수 없습니다",
    ),
    (
        "correct the mapping in the provider; its log names the operation and the path",
        "공급자에서 매핑을 수정하십시오. 작업과 경로는 공급자의 로그에 있습니다",
    ),
    ("the body is no message of SCIM", "본문이 SCIM 메시지가 아닙니다"),
    (
        "look at what the provider sends; a proxy may have changed it",
        "공급자가 보내는 내용을 확인하십시오. 프록시가 변경했을 수 있습니다",
    ),
    ("the filter is malformed", "필터 형식이 잘못되었습니다"),
    (
        "correct the matching attribute in the provider",
        "공급자에서 일치 속성을 수정하십시오",
    ),
    (
        "the filter names an attribute or an operator that doesn't fit",
        "필터의 속성이나 연산자가 맞지 않습니다",
    ),
    (
        "the list can't be sorted as the request asks",
        "요청한 순서로 목록을 정렬할 수 없습니다",
    ),
    (
        "sort by another attribute, or filter first",
        "다른 속성으로 정렬하거나 먼저 필터를 적용하십시오",
    ),
    (
        "the page can't be read by its cursor",
        "커서로 페이지를 읽을 수 없습니다",
    ),
    (
        "read the list from its first page",
        "목록을 첫 페이지부터 읽으십시오",
    ),
    (
        "the service keeps no such value",
        "서비스가 저장하지 않는 값입니다",
    ),
    (
        "take the attribute out of the mapping in the provider",
        "공급자의 매핑에서 속성을 제거하십시오",
    ),
    (
        "other requests change the resource at the same time",
        "다른 요청이 동시에 리소스를 변경하고 있습니다",
    ),
    (
        "nothing, if the provider repeats the request",
        "공급자가 요청을 반복하면 조치가 필요 없습니다",
    ),
    (
        "the request would cost more work than one request may",
        "요청 하나에 허용된 작업량을 넘습니다",
    ),
    (
        "ask for less: a shorter filter, one with `eq`, a smaller page, fewer operations at once",
        "요청을 줄이십시오: 더 짧은 필터, `eq` 필터, 더 작은 페이지, 더 적은 작업",
    ),
    (
        "the resource would be larger than a resource may be",
        "리소스가 허용된 크기를 넘습니다",
    ),
    (
        "send less: fewer values, shorter texts",
        "값의 수나 텍스트의 길이를 줄여 보내십시오",
    ),
    (
        "a constraint of the application's own database refuses the change",
        "애플리케이션 데이터베이스의 제약 조건에 따라 변경이 거부되었습니다",
    ),
    (
        "look at the answer that the provider has logged: it names the attribute or the constraint",
        "공급자에 기록된 응답에서 속성이나 제약 조건을 확인하십시오",
    ),
    (
        "the store could not be reached or failed",
        "저장소에 연결할 수 없거나 오류가 발생했습니다",
    ),
    (
        "nothing, if the provider repeats the request; the server's log has the cause",
        "공급자가 요청을 반복하면 조치가 필요 없습니다. 원인은 서버 로그에 있습니다",
    ),
    ("there is no such endpoint", "해당 엔드포인트가 없습니다"),
    (
        "correct the base URL in the provider",
        "공급자에서 기본 URL을 수정하십시오",
    ),
    (
        "there is no such schema or resource type",
        "해당 스키마나 리소스 유형이 없습니다",
    ),
    (
        "correct the mapping in the provider",
        "공급자에서 매핑을 수정하십시오",
    ),
    (
        "the endpoint has other methods",
        "엔드포인트가 지원하지 않는 메서드입니다",
    ),
    (
        "the service doesn't offer what the request asks for",
        "요청한 기능을 서비스가 제공하지 않습니다",
    ),
    (
        "switch the feature off in the provider",
        "공급자에서 해당 기능을 끄십시오",
    ),
    (
        "the body is larger than a body may be",
        "본문이 허용된 크기를 넘습니다",
    ),
    (
        "let the provider send fewer members or operations at once",
        "공급자가 한 번에 보내는 구성원이나 작업의 수를 줄이십시오",
    ),
    (
        "the body is not said to be JSON",
        "본문의 형식이 JSON으로 지정되지 않았습니다",
    ),
    (
        "let the provider send `Content-Type: application/scim+json`",
        "공급자가 `Content-Type: application/scim+json`을 보내도록 하십시오",
    ),
    ("the body is compressed", "본문이 압축되어 있습니다"),
    (
        "let the provider send bodies as they are",
        "공급자가 본문을 압축하지 않고 보내도록 하십시오",
    ),
    (
        "the body ended before it was complete",
        "본문이 끝나기 전에 연결이 끊겼습니다",
    ),
    (
        "nothing, if the provider repeats the request; the connection broke",
        "공급자가 요청을 반복하면 조치가 필요 없습니다. 연결이 끊겼습니다",
    ),
    (
        "the body did not arrive in time",
        "본문이 제시간에 도착하지 않았습니다",
    ),
    (
        "nothing, if the provider repeats the request; the connection is slow",
        "공급자가 요청을 반복하면 조치가 필요 없습니다. 연결이 느립니다",
    ),
    (
        "the request names no host, or several",
        "요청에 호스트가 없거나 여러 개입니다",
    ),
    (
        "look at the proxy between the provider and the service",
        "공급자와 서비스 사이의 프록시를 확인하십시오",
    ),
    (
        "the address of the request is too long",
        "요청 주소가 너무 깁니다",
    ),
    (
        "let the provider search by POST to `/.search`",
        "공급자가 POST `/.search`로 검색하도록 하십시오",
    ),
    (
        "the request has too many header fields",
        "요청의 헤더가 너무 많습니다",
    ),
    (
        "the request expects something unknown",
        "요청의 Expect 헤더를 알 수 없습니다",
    ),
    ("too many requests are running", "실행 중인 요청이 너무 많습니다"),
    (
        "nothing, if the provider repeats the request; it sends more at once than its share",
        "공급자가 요청을 반복하면 조치가 필요 없습니다. 한 번에 보낸 요청이 할당량을 넘습니다",
    ),
    (
        "a condition of the request is malformed",
        "요청의 조건 형식이 잘못되었습니다",
    ),
    ("report it to the provider", "공급자에 알리십시오"),
    (
        "a parameter of the query is malformed",
        "쿼리 매개변수의 형식이 잘못되었습니다",
    ),
    (
        "the list of attributes is malformed or too long",
        "속성 목록의 형식이 잘못되었거나 너무 깁니다",
    ),
    (
        "what a service says of itself can't be filtered",
        "서비스 정보에는 필터를 적용할 수 없습니다",
    ),
    (
        "the body is no JSON, or holds an attribute twice",
        "본문이 JSON이 아니거나 같은 속성이 두 번 있습니다",
    ),
    // Those of the product.
    (
        "an address is not in one of the organization's e-mail domains",
        "조직의 이메일 도메인에 속하지 않는 주소입니다",
    ),
    (
        "add the domain to the organization, or take the user out of the provider's assignment",
        "조직에 도메인을 추가하거나 공급자의 할당에서 사용자를 제거하십시오",
    ),
    (
        "an address has no e-mail domain, and the organization takes addresses of its own domains alone",
        "주소에 이메일 도메인이 없습니다. 조직은 자체 도메인의 주소만 허용합니다",
    ),
    (
        "map an attribute with an e-mail address in the provider, and give the user a value there",
        "공급자에서 이메일 주소가 있는 속성을 매핑하고 사용자에게 값을 지정하십시오",
    ),
    (
        "the identity provider alone changes the phone number of a user whom it manages",
        "ID 공급자가 관리하는 사용자의 전화번호는 공급자에서만 변경할 수 있습니다",
    ),
    (
        "change the phone number in the provider",
        "공급자에서 전화번호를 변경하십시오",
    ),
    (
        "the identity provider alone changes what it manages",
        "ID 공급자가 관리하는 항목은 공급자에서만 변경할 수 있습니다",
    ),
    ("change it in the provider", "공급자에서 변경하십시오"),
    (
        "what is provisioned belongs to the whole organization",
        "프로비저닝된 항목은 조직 전체에 속합니다",
    ),
    (
        "let an administrator of the organization change it",
        "조직의 관리자가 변경해야 합니다",
    ),
    (
        "the organization takes no groups from its identity provider",
        "조직이 ID 공급자의 그룹을 받지 않습니다",
    ),
    (
        "turn groups on in what the organization synchronizes, or the provisioning of groups off in the provider",
        "조직의 동기화 항목에서 그룹을 켜거나 공급자에서 그룹 프로비저닝을 끄십시오",
    ),
    (
        "the organization has no default unit, which new users join",
        "새 사용자가 들어갈 기본 부서가 조직에 없습니다",
    ),
    (
        "name the default unit of the organization; the provider repeats the request",
        "조직의 기본 부서를 지정하십시오. 공급자가 요청을 반복합니다",
    ),
    (
        "the user is deactivated already",
        "사용자가 이미 비활성화되어 있습니다",
    ),
    (
        "nothing: the user is as the request wants it",
        "조치가 필요 없습니다. 사용자가 이미 요청한 상태입니다",
    ),
    (
        "the user is not deactivated",
        "사용자가 비활성화되어 있지 않습니다",
    ),
    (
        "the identity provider has deactivated the user",
        "ID 공급자가 사용자를 비활성화했습니다",
    ),
    (
        "activate the user in the provider",
        "공급자에서 사용자를 활성화하십시오",
    ),
    ("the user is deactivated", "사용자가 비활성화되어 있습니다"),
    (
        "activate the user first, where it was deactivated",
        "비활성화한 곳에서 먼저 사용자를 활성화하십시오",
    ),
    (
        "the identity provider holds the user for active",
        "ID 공급자에서 사용자가 활성 상태입니다",
    ),
    (
        "deactivate the user in the provider first",
        "먼저 공급자에서 사용자를 비활성화하십시오",
    ),
    ("the user is active", "사용자가 활성 상태입니다"),
    ("deactivate the user first", "먼저 사용자를 비활성화하십시오"),
    ("the user is deleted", "사용자가 삭제되어 있습니다"),
    ("restore the user first", "먼저 사용자를 복원하십시오"),
    ("the user is not deleted", "사용자가 삭제되어 있지 않습니다"),
    (
        "look for the user by its user name in the provider, and let it match the user that is there",
        "공급자에서 사용자 이름으로 사용자를 찾아 기존 사용자와 일치시키십시오",
    ),
    ("the user has no invitation", "사용자에게 초대가 없습니다"),
    ("invite the user first", "먼저 사용자를 초대하십시오"),
    (
        "there is no card such as the request describes",
        "요청에 지정된 카드는 존재할 수 없습니다",
    ),
    (
        "correct the five attributes of the card in the provider; its log names the one that is wrong",
        "공급자에서 카드의 다섯 속성을 수정하십시오. 잘못된 속성은 공급자의 로그에 있습니다",
    ),
    // Why a card waits.
    (
        "credentialStatus has to be `active` when a card is set up",
        "카드를 설정할 때 credentialStatus는 `active`여야 합니다",
    ),
    // Warnings.
    (
        "no provider is linked: `provisioning enable` or the first e-mail domain links one",
        "연결된 공급자가 없습니다. SCIM 프로비저닝을 사용하도록 설정하거나 첫 이메일 도메인을 추가하십시오",
    ),
    (
        "the token `{}` has expired: refresh it",
        "토큰이 만료되었습니다: `{}`. 새로 고치십시오",
    ),
    (
        "the token `{}` expires within {} days: refresh it, or issue another and revoke this one",
        "토큰이 곧 만료됩니다: `{}`, {}일 이내. 새로 고치거나, 다른 토큰을 발급한 후 폐기하십시오",
    ),
    (
        "there is no default unit, so that no user can be created: `unit default` names one",
        "기본 부서가 없어 사용자를 만들 수 없습니다. 기본 부서를 지정하십시오",
    ),
    (
        "the last request of the provider was refused, as {}: {} (`requests show {}`)",
        "공급자의 마지막 요청이 거부되었습니다: {}. {} (요청 기록 {})",
    ),
    (
        "{} requests are not in the log of requests: more came than it could take",
        "요청이 너무 많아 기록되지 않은 요청: {}개",
    ),
    // What happens, and what stays.
    ("access group is deleted", "삭제되는 출입 그룹"),
    ("access groups lose it", "이 항목을 잃는 출입 그룹"),
    (
        "access groups of the provider are deleted",
        "삭제되는 공급자의 출입 그룹",
    ),
    (
        "access groups with members of their own, access levels and doors",
        "자체 구성원이 있는 출입 그룹, 출입 권한 수준, 출입문",
    ),
    ("access level is deleted", "삭제되는 출입 권한 수준"),
    (
        "access levels are assigned to it no more",
        "할당이 해제되는 출입 권한 수준",
    ),
    ("access levels lose it", "이 항목을 잃는 출입 권한 수준"),
    (
        "card credentials are erased, and their numbers are free",
        "지워지고 번호가 해제되는 카드",
    ),
    ("deleted users are erased", "지워지는 삭제된 사용자"),
    ("door is deleted", "삭제되는 출입문"),
    ("doors are opened by it no more", "더 이상 열리지 않는 출입문"),
    ("e-mail domains", "이메일 도메인"),
    (
        "everything that was done with it",
        "해당 토큰으로 처리된 모든 항목",
    ),
    ("groups are erased", "지워지는 그룹"),
    (
        "hours are left for the receiver to change over",
        "수신자가 전환할 수 있는 시간",
    ),
    ("memberships of units and roles end", "종료되는 부서와 역할"),
    ("message is never delivered", "전달되지 않는 메시지"),
    ("messages that it didn't take are lost", "사라지는 미전달 메시지"),
    (
        "people lose the doors that it opens",
        "이 항목이 여는 출입문을 잃는 사람",
    ),
    (
        "people lose the doors that these access groups open",
        "이 출입 그룹이 여는 출입문을 잃는 사람",
    ),
    ("role is deleted", "삭제되는 역할"),
    (
        "secrets that sign today end later",
        "나중에 만료되는 현재 비밀 키",
    ),
    (
        "secrets that were replaced before end at once",
        "즉시 만료되는 이전 비밀 키",
    ),
    ("set-up links stop at once", "즉시 중지되는 설정 링크"),
    ("the access groups and the doors", "출입 그룹과 출입문"),
    (
        "the access levels and access groups",
        "출입 권한 수준과 출입 그룹",
    ),
    ("the access levels and the doors", "출입 권한 수준과 출입문"),
    ("the event in the organization's feed", "조직 피드의 이벤트"),
    (
        "the events in the organization's feed, and other webhooks",
        "조직 피드의 이벤트와 다른 웹훅",
    ),
    (
        "the events of the past, without a name",
        "이름이 지워진 과거 이벤트",
    ),
    ("the group from which it was made", "원본 그룹"),
    ("the id, so that nobody gets it again", "다시 사용되지 않는 ID"),
    (
        "the provider's tokens, and everything that was set up with it",
        "공급자의 토큰과 링크로 설정된 모든 항목",
    ),
    ("the users and their addresses", "사용자와 주소"),
    ("the webhook, and the events that wait", "웹훅과 대기 중인 이벤트"),
    ("tokens are left for the provider", "공급자에 남는 토큰"),
    ("tokens of administrators stop", "중지되는 관리자 토큰"),
    ("tokens of the provider stop", "중지되는 공급자 토큰"),
    (
        "tokens stop at once: the provider is shut out until it has the new one",
        "즉시 중지되는 토큰 (새 토큰을 설정할 때까지 공급자가 연결할 수 없음)",
    ),
    ("tokens stop at once", "즉시 중지되는 토큰"),
    ("unit is deleted", "삭제되는 부서"),
    (
        "user is erased with everything that it has",
        "모든 데이터와 함께 지워지는 사용자",
    ),
    (
        "users and groups: a role that any of them has is not deleted",
        "사용자와 그룹 (사용 중인 역할은 삭제되지 않음)",
    ),
    (
        "users and groups: a unit that has any is not deleted",
        "사용자와 그룹 (사용 중인 부서는 삭제되지 않음)",
    ),
    ("users are erased", "지워지는 사용자"),
    (
        "users have addresses in it, and the provider can do no more to them than deactivate them",
        "이 도메인의 주소를 가진 사용자 (공급자는 비활성화만 가능)",
    ),
    (
        "users stay, and no provider manages them",
        "유지되며 공급자가 관리하지 않게 되는 사용자",
    ),
    (
        "users, groups, and everything that was provisioned",
        "사용자, 그룹, 프로비저닝된 모든 항목",
    ),
    (
        "users, groups, phone numbers and card credentials",
        "사용자, 그룹, 전화번호, 카드",
    ),
    (
        "webhook is deleted with its secret, and events that wait are not delivered to it",
        "비밀 키와 함께 삭제되는 웹훅 (대기 중인 이벤트는 전달되지 않음)",
    ),
    // Problems.
    (
        "`after` is not the end of a page of this list",
        "`after`가 이 목록의 페이지 끝이 아닙니다",
    ),
    (
        "what the page before ended with is gone",
        "이전 페이지의 마지막 항목이 없어졌습니다",
    ),
    (
        "an auditor reads and changes nothing",
        "감사자는 읽기만 할 수 있습니다",
    ),
    (
        "begin again at the oldest event that is left",
        "남아 있는 가장 오래된 이벤트부터 다시 시작하십시오",
    ),
    ("begin again without `after`", "`after` 없이 다시 시작하십시오"),
    ("did you mean `{}`?", "다음을 의미하셨습니까? `{}`"),
    (
        "give an `https` address of the public internet",
        "공용 인터넷의 `https` 주소를 입력하십시오",
    ),
    (
        "look at the preview and confirm it",
        "미리보기를 확인한 후 승인하십시오",
    ),
    (
        "several webhooks have the address `{}`",
        "같은 주소의 웹훅이 여러 개 있습니다: `{}`",
    ),
    ("name one by its id", "ID로 지정하십시오"),
    (
        "repeat it with the `confirmation` of the preview",
        "미리보기를 확인한 후 승인하십시오",
    ),
    ("resume it first", "먼저 다시 시작하십시오"),
    (
        "the webhook is paused; resume it first",
        "웹훅이 일시 중지되어 있습니다",
    ),
    (
        "`{}` can't be the address of a webhook: {}",
        "웹훅 주소로 사용할 수 없습니다: `{}` ({})",
    ),
    ("it is longer than 2048 bytes", "2048바이트를 넘음"),
    ("it has a fragment", "조각(#)이 있음"),
    ("it is no URL", "URL이 아님"),
    ("it has no host", "호스트가 없음"),
    (
        "it holds credentials; the signature tells who sends",
        "자격 증명이 포함되어 있음",
    ),
    ("it is an address of this machine", "이 컴퓨터의 주소임"),
    ("it is an address of a private network", "사설 네트워크의 주소임"),
    (
        "it is not encrypted; use `https`",
        "암호화되지 않음 (`https` 필요)",
    ),
    ("it is no `https` URL", "`https` URL이 아님"),
    (
        "`{}` is no type of events such as `User.created` or `User.*`",
        "이벤트 유형이 아닙니다: `{}` (예: `User.created`, `User.*`)",
    ),
    ("at most {} {}", "최대 {}개입니다 ({})"),
    ("webhooks", "웹훅"),
    ("types of events", "이벤트 유형"),
    (
        "the webhook has no dead letter `{}`",
        "웹훅에 해당 메시지가 없습니다: `{}`",
    ),
    (
        "revoke one that nobody needs any more",
        "더 이상 필요 없는 토큰을 폐기하십시오",
    ),
    (
        "say its number in the log, which has the last 10,000 requests of an organization, for 30 days",
        "기록의 번호를 지정하십시오. 조직별 최근 10,000개의 요청이 30일간 보관됩니다",
    ),
    (
        "take the `next` of the page before",
        "이전 페이지의 `next`를 사용하십시오",
    ),
    (
        "the effects are others than those that were confirmed",
        "승인한 내용과 적용되는 항목이 다릅니다",
    ),
    ("the role doesn't allow this", "역할에 허용되지 않는 작업입니다"),
    ("the service failed", "서비스에 오류가 발생했습니다"),
    ("the service has no groups", "서비스에 그룹이 없습니다"),
    ("the service has no users", "서비스에 사용자가 없습니다"),
    ("there are none yet", "아직 항목이 없습니다"),
    (
        "there is a token `{}` already",
        "같은 이름의 토큰이 이미 있습니다: `{}`",
    ),
    (
        "this belongs to the directory Global, and an administrator of a directory reads it",
        "Global 디렉터리에 속한 항목이며, 디렉터리 관리자는 읽기만 할 수 있습니다",
    ),
    (
        "this can't be undone and needs a confirmation",
        "되돌릴 수 없으므로 승인이 필요합니다",
    ),
    ("there is no organization `{}`", "해당 조직이 없습니다: `{}`"),
    ("there is no token `{}`", "해당 토큰이 없습니다: `{}`"),
    ("there is no user `{}`", "해당 사용자가 없습니다: `{}`"),
    ("there is no set-up link `{}`", "해당 설정 링크가 없습니다: `{}`"),
    ("there is no webhook `{}`", "해당 웹훅이 없습니다: `{}`"),
    ("there is no guide `{}`", "해당 안내가 없습니다: `{}`"),
    ("there is no request `{}`", "해당 요청이 없습니다: `{}`"),
    ("there is no {} `{}`", "해당 항목이 없습니다: {} `{}`"),
    ("there is {}", "다음 항목이 있습니다: {}"),
    (
        "there is an organization `{}` already",
        "같은 이름의 조직이 이미 있습니다: `{}`",
    ),
    (
        "there is another {} `{}`",
        "같은 이름의 항목이 이미 있습니다: {} `{}`",
    ),
    (
        "there are several of type {} named `{}`; say which by its id",
        "같은 이름의 항목이 여러 개 있습니다: {} `{}`. ID로 지정하십시오",
    ),
    ("a name is required", "이름이 필요합니다"),
    ("an organization needs a name", "조직에는 이름이 필요합니다"),
    ("a token needs a name", "토큰에는 이름이 필요합니다"),
    (
        "an organization has one token; refresh it to get another",
        "조직의 토큰은 하나입니다. 새로 고치면 다른 토큰이 발급됩니다",
    ),
    (
        "the organization has several tokens; name the one to refresh",
        "조직에 토큰이 여러 개 있습니다. 새로 고칠 토큰을 지정하십시오",
    ),
    (
        "the organization is not linked to a provider; adding an e-mail domain links it",
        "조직이 공급자에 연결되어 있지 않습니다. 이메일 도메인을 추가하면 연결됩니다",
    ),
    (
        "the organization doesn't have the e-mail domain `{}`",
        "조직에 해당 이메일 도메인이 없습니다: `{}`",
    ),
    (
        "the identity provider has provisioned no group `{}`",
        "ID 공급자가 프로비저닝한 그룹이 없습니다: `{}`",
    ),
    (
        "the name and the members of access group `{}` are those of its group in the identity provider",
        "출입 그룹의 이름과 구성원은 ID 공급자의 그룹을 따릅니다: `{}`",
    ),
    (
        "the phone number of a user whom the identity provider manages can only be changed there",
        "ID 공급자가 관리하는 사용자의 전화번호는 공급자에서만 변경할 수 있습니다",
    ),
    (
        "only an administrator of the organization may do this",
        "조직의 관리자만 할 수 있는 작업입니다",
    ),
    (
        "too many administrators change the organization at the same time",
        "여러 관리자가 동시에 조직을 변경하고 있습니다",
    ),
    (
        "too many administrators change this at the same time",
        "여러 관리자가 동시에 변경하고 있습니다",
    ),
    ("try again", "다시 시도하십시오"),
    (
        "units are nested at most {} levels deep",
        "부서는 최대 {}단계까지 둘 수 있습니다",
    ),
    (
        "`{}` can't be moved below itself or a unit below it",
        "부서를 자신이나 하위 부서 아래로 이동할 수 없습니다: `{}`",
    ),
    ("`{}` still has {}", "아직 사용 중입니다: `{}` ({})"),
    (
        "`{}` is required and always synchronized",
        "필수이며 항상 동기화되는 속성입니다: `{}`",
    ),
    ("users have no attribute `{}`", "사용자에게 없는 속성입니다: `{}`"),
    ("user `{}` {}", "사용자 `{}`: {}"),
    ("is deactivated already", "이미 비활성화되어 있습니다"),
    ("is not deactivated", "비활성화되어 있지 않습니다"),
    (
        "was deactivated by the identity provider and can only be activated there",
        "ID 공급자가 비활성화했으며 공급자에서만 활성화할 수 있습니다",
    ),
    (
        "is deactivated and has to be activated first",
        "비활성화되어 있으므로 먼저 활성화해야 합니다",
    ),
    (
        "has to be deactivated in the identity provider first",
        "먼저 ID 공급자에서 비활성화해야 합니다",
    ),
    ("has to be deactivated first", "먼저 비활성화해야 합니다"),
    (
        "is deleted and has to be restored first",
        "삭제되어 있으므로 먼저 복원해야 합니다",
    ),
    ("is not deleted", "삭제되어 있지 않습니다"),
    ("has no invitation", "초대가 없습니다"),
    (
        "activate the user in the identity provider; keyfob hears of it",
        "ID 공급자에서 사용자를 활성화하십시오. keyfob에 자동으로 반영됩니다",
    ),
    ("activate the user first", "먼저 사용자를 활성화하십시오"),
    (
        "deactivate the user in the identity provider; keyfob hears of it",
        "ID 공급자에서 사용자를 비활성화하십시오. keyfob에 자동으로 반영됩니다",
    ),
    (
        "`deleted` lists deleted users, who are in no other state",
        "삭제된 사용자에게는 다른 상태가 없습니다",
    ),
    ("nothing is to be changed", "변경할 내용이 없습니다"),
    ("at least one domain is added", "도메인을 하나 이상 추가하십시오"),
    ("`{}` is missing: {}", "필수 항목이 없습니다: `{}`"),
    ("`{}` is not {}", "값의 형식이 잘못되었습니다: `{}`"),
    ("`{}` is no instant: {}", "시각의 형식이 잘못되었습니다: `{}`"),
    (
        "`{}` is none of {}",
        "허용되지 않는 값입니다: `{}` (가능한 값: {})",
    ),
    (
        "`{}` is no stretch of time such as `90d`, `72h` or `30m`",
        "기간의 형식이 잘못되었습니다: `{}` (예: `90d`, `72h`, `30m`)",
    ),
    (
        "`{}` is no number of a request in the log",
        "기록에 있는 요청 번호가 아닙니다: `{}`",
    ),
    (
        "`{}` is no position of an event",
        "이벤트의 위치가 아닙니다: `{}`",
    ),
    ("`{}` is no attribute: {}", "속성이 아닙니다: `{}`"),
    (
        "`status` is a status of HTTP, such as 409",
        "응답 코드는 409와 같은 HTTP 상태 코드입니다",
    ),
    (
        "`limit` is a number from 1 to 200",
        "`limit`은 1에서 200 사이의 숫자입니다",
    ),
    (
        "a set-up link is valid for at most {} days",
        "설정 링크의 유효 기간은 최대 {}일입니다",
    ),
    (
        "the secret before signs for at most 30 days",
        "이전 비밀 키는 최대 30일까지 사용할 수 있습니다",
    ),
    // Failed deliveries.
    ("the receiver answered {}", "수신자의 응답: {}"),
    // Guides: the names in the providers' pages stay as they are there in English.
    ("Microsoft Entra ID", "Microsoft Entra ID"),
    ("Any other client of SCIM 2.0", "기타 SCIM 2.0 클라이언트"),
    (
        "the SCIM base URL that `keyfob serve` prints",
        "`keyfob serve`가 출력하는 SCIM 기본 URL",
    ),
    (
        "the one that `token issue` shows",
        "토큰을 발급할 때 표시되는 토큰",
    ),
    (
        "the one that `provisioning enable` or the first `domain add` shows",
        "SCIM 프로비저닝을 사용하도록 설정하거나 첫 도메인을 추가할 때 표시되는 토큰",
    ),
    (
        "the one that was shown when it was made and ends with {}; `token refresh` replaces it",
        "생성 시 표시된 토큰 (끝자리 {}). 새로 고치면 교체됩니다",
    ),
    (
        "Enterprise applications > New application > Create your own application; choose the non-gallery application",
        "Enterprise applications > New application > Create your own application에서 갤러리에 없는 애플리케이션을 선택합니다",
    ),
    (
        "Manage > Provisioning > Get started; set the Provisioning Mode to Automatic",
        "Manage > Provisioning > Get started에서 Provisioning Mode를 Automatic으로 설정합니다",
    ),
    ("Tenant URL: {}", "Tenant URL 입력: {}"),
    ("Secret Token: {}", "Secret Token 입력: {}"),
    (
        "Test Connection, and Save",
        "Test Connection을 누른 후 Save로 저장합니다",
    ),
    (
        "Mappings > Provision Microsoft Entra ID Groups: take the mapping of externalId out, and Save",
        "Mappings > Provision Microsoft Entra ID Groups에서 externalId 매핑을 제거하고 저장합니다",
    ),
    (
        "Mappings > Provision Microsoft Entra ID Users: make the mappings those of the table; for targets that are missing, Show advanced options > Edit attribute list for customappsso",
        "Mappings > Provision Microsoft Entra ID Users에서 매핑을 표와 같게 합니다. 없는 대상은 Show advanced options > Edit attribute list for customappsso에서 추가합니다",
    ),
    (
        "Users and groups: assign those who are to be provisioned, or set the scope to all",
        "Users and groups에서 프로비저닝할 대상을 할당하거나 범위를 전체로 설정합니다",
    ),
    (
        "Provisioning Status: On",
        "Provisioning Status를 On으로 설정합니다",
    ),
    (
        "Entra provisions at intervals of about 40 minutes; Provision on demand sends one user at once",
        "Entra는 약 40분 간격으로 프로비저닝합니다. Provision on demand는 사용자 한 명을 즉시 보냅니다",
    ),
    (
        "a user who leaves the scope is sent with active=false, and is deactivated and not deleted",
        "범위에서 벗어난 사용자는 active=false로 전송되어 삭제되지 않고 비활성화됩니다",
    ),
    (
        "Applications > your SCIM 2.0 application > Provisioning > Integration > Configure API Integration > Enable API integration",
        "Applications > SCIM 2.0 애플리케이션 > Provisioning > Integration > Configure API Integration에서 Enable API integration을 선택합니다",
    ),
    ("Base URL: {}", "Base URL 입력: {}"),
    ("API Token: {}", "API Token 입력: {}"),
    (
        "Test API Credentials, and Save",
        "Test API Credentials를 누른 후 Save로 저장합니다",
    ),
    (
        "Provisioning > To App > Edit: enable Create Users, Update User Attributes and Deactivate Users",
        "Provisioning > To App > Edit에서 Create Users, Update User Attributes, Deactivate Users를 사용하도록 설정합니다",
    ),
    (
        "Assignments: assign people and groups",
        "Assignments에서 사람과 그룹을 할당합니다",
    ),
    (
        "Push Groups: push the groups that are to be access groups or units",
        "Push Groups에서 출입 그룹이나 부서가 될 그룹을 푸시합니다",
    ),
    (
        "displayName | the name of the pushed group | Push Groups",
        "displayName | 푸시된 그룹의 이름 | Push Groups",
    ),
    (
        "assign people by one group and push another: a group that is used for both is not pushed reliably",
        "할당과 푸시에는 서로 다른 그룹을 사용하십시오. 둘 다에 쓰는 그룹은 안정적으로 푸시되지 않습니다",
    ),
    (
        "Okta sends a password; it is neither stored nor logged",
        "Okta가 보내는 암호는 저장되거나 기록되지 않습니다",
    ),
    (
        "Admin console: Apps > Web and mobile apps > your SAML application > Autoprovisioning > Configure autoprovisioning",
        "관리 콘솔: Apps > Web and mobile apps > SAML 애플리케이션 > Autoprovisioning > Configure autoprovisioning",
    ),
    (
        "App authorization, Access token: {}",
        "App authorization의 Access token 입력: {}",
    ),
    ("Endpoint URL: {}", "Endpoint URL 입력: {}"),
    (
        "Attribute mapping: make it that of the table",
        "Attribute mapping을 표와 같게 합니다",
    ),
    (
        "Provisioning scope: choose the groups whose members are provisioned",
        "Provisioning scope에서 구성원을 프로비저닝할 그룹을 선택합니다",
    ),
    (
        "Deprovisioning: suspend within 24 hours of leaving the scope, and Finish",
        "Deprovisioning에서 범위를 벗어난 후 24시간 이내 일시 중지를 선택하고 Finish를 누릅니다",
    ),
    ("Turn autoprovisioning on", "자동 프로비저닝을 켭니다"),
    (
        "autoprovisioning is there for applications of Google's catalogue alone",
        "자동 프로비저닝은 Google 카탈로그의 애플리케이션에만 제공됩니다",
    ),
    (
        "Google provisions users and no groups: groups only say who is provisioned",
        "Google은 사용자만 프로비저닝합니다. 그룹은 프로비저닝 대상을 정할 뿐입니다",
    ),
    (
        "Applications > Add App > SCIM Provisioner with SAML (SCIM v2 Core), and Save",
        "Applications > Add App에서 SCIM Provisioner with SAML (SCIM v2 Core)을 추가하고 저장합니다",
    ),
    (
        "Configuration, SCIM Base URL: {}",
        "Configuration의 SCIM Base URL 입력: {}",
    ),
    (
        "Configuration, SCIM Bearer Token: {}",
        "Configuration의 SCIM Bearer Token 입력: {}",
    ),
    (
        "Configuration, API Connection: Enable, and Save",
        "Configuration의 API Connection에서 Enable을 누르고 저장합니다",
    ),
    (
        "Provisioning: Enable provisioning, for users that are created, deleted and updated; when users are deleted: Suspend",
        "Provisioning에서 사용자 생성, 삭제, 업데이트에 대해 Enable provisioning을 선택하고, 사용자 삭제 시 동작을 Suspend로 설정합니다",
    ),
    (
        "Parameters: the SCIM JSON template sends what the table names; Groups > Include in User Provisioning",
        "Parameters에서 SCIM JSON 템플릿이 표의 속성을 보내도록 하고 Groups > Include in User Provisioning을 선택합니다",
    ),
    (
        "Users: assign the application",
        "Users에서 애플리케이션을 할당합니다",
    ),
    (
        "displayName | a rule: Set Groups in the application | Rules",
        "displayName | 규칙: Set Groups | Rules",
    ),
    (
        "OneLogin tests the connection each time that the API connection is enabled",
        "OneLogin은 API 연결을 사용하도록 설정할 때마다 연결을 테스트합니다",
    ),
    (
        "SSO Applications > your application > Identity Management > SCIM API, version SCIM 2.0",
        "SSO Applications > 애플리케이션 > Identity Management에서 SCIM API, SCIM 2.0 버전을 선택합니다",
    ),
    ("Token Key: {}", "Token Key 입력: {}"),
    (
        "Test User Email: an address that no user has; Test Connection creates a user and deactivates it",
        "Test User Email에 아무 사용자도 쓰지 않는 주소를 입력합니다. Test Connection은 사용자를 만들고 비활성화합니다",
    ),
    (
        "Group Management: on, for groups to be provisioned",
        "그룹을 프로비저닝하려면 Group Management를 켭니다",
    ),
    (
        "Activate, and assign user groups",
        "Activate를 누르고 사용자 그룹을 할당합니다",
    ),
    (
        "displayName | the name of the user group | Direct",
        "displayName | 사용자 그룹의 이름 | Direct",
    ),
    (
        "the test leaves a deactivated user, who can be removed with `user purge`",
        "테스트 후 비활성화된 사용자가 남으며, 영구 제거할 수 있습니다",
    ),
    (
        "users join and leave groups in JumpCloud alone",
        "그룹의 구성원은 JumpCloud에서만 변경됩니다",
    ),
    (
        "Authentication: an HTTP header, `Authorization: Bearer` with the token: {}",
        "인증: HTTP 헤더 `Authorization: Bearer`와 토큰: {}",
    ),
    (
        "Test the connection: a filter on userName that finds nobody is answered with 200 and an empty list",
        "연결을 테스트합니다. 아무도 찾지 못하는 userName 필터에는 200과 빈 목록이 반환됩니다",
    ),
    ("Map the attributes of the table", "표의 속성을 매핑합니다"),
    (
        "Where the client sends no SCIM of its own (as AWS Cognito), requests are sent by a program: `keyfob client` and the library below it do",
        "클라이언트가 직접 SCIM을 보내지 않으면(예: AWS Cognito) `keyfob client`나 해당 라이브러리 같은 프로그램으로 요청을 보냅니다",
    ),
    (
        "userName | the name to sign in with | Direct",
        "userName | 로그인 이름 | Direct",
    ),
    (
        "active | true, and false for who is shut out | Direct",
        "active | true, 차단된 사용자는 false | Direct",
    ),
    (
        "displayName | the name to show | Direct",
        "displayName | 표시할 이름 | Direct",
    ),
    (
        r#"emails[type eq "work"].value | the e-mail address | Direct"#,
        r#"emails[type eq "work"].value | 이메일 주소 | Direct"#,
    ),
    (
        "name.givenName | the given name | Direct",
        "name.givenName | 이름 | Direct",
    ),
    (
        "name.familyName | the family name | Direct",
        "name.familyName | 성 | Direct",
    ),
    (
        r#"phoneNumbers[type eq "work"].value | the phone number | Direct"#,
        r#"phoneNumbers[type eq "work"].value | 전화번호 | Direct"#,
    ),
    (
        "displayName | the name of the group | Direct",
        "displayName | 그룹의 이름 | Direct",
    ),
    (
        "members | the ids of its users | Direct",
        "members | 구성원의 ID | Direct",
    ),
    (
        "{} | an attribute of your own | Direct",
        "{} | 직접 정한 속성 | Direct",
    ),
    (
        "/ServiceProviderConfig, /Schemas and /ResourceTypes say the rest",
        "나머지는 /ServiceProviderConfig, /Schemas, /ResourceTypes에서 확인할 수 있습니다",
    ),
    (
        "credentialStatus has to be `active` when a card is set up: without it the card waits, and opens no door",
        "카드를 설정할 때 credentialStatus는 `active`여야 합니다. 그렇지 않으면 카드가 대기하며 출입문을 열지 않습니다",
    ),
    (
        "phone numbers of provisioned users are changed in the provider alone, also where none is mapped",
        "프로비저닝된 사용자의 전화번호는 매핑 여부와 관계없이 공급자에서만 변경됩니다",
    ),
    (
        "addresses have to be in the organization's e-mail domains: {}",
        "주소는 조직의 이메일 도메인에 속해야 합니다: {}",
    ),
    (
        "the organization takes no groups: `sync set --groups on`",
        "조직이 그룹을 받지 않습니다. 동기화 항목에서 그룹을 켜십시오",
    ),
    (
        "values of `{}` are passed over: `sync set --take {}`",
        "다음 속성의 값은 동기화되지 않습니다: `{}` (다시 동기화할 속성: {})",
    ),
    ("{} is missing", "누락된 속성: {}"),
];

#[cfg(test)]
mod tests {
    use keyfob_access::CredentialError;
    use keyfob_engine::Explanation;
    use keyfob_provisioning::Refusal;

    use super::*;

    #[test]
    fn a_sentence_has_its_values_in_korean_too() {
        assert_eq!(
            korean("did you mean `Lobby`?").as_deref(),
            Some("다음을 의미하셨습니까? `Lobby`")
        );
        let nested = "Secret Token: the one that `token issue` shows";
        assert_eq!(
            korean(nested).as_deref(),
            Some("Secret Token 입력: 토큰을 발급할 때 표시되는 토큰")
        );
        let url = "`http://a/` can't be the address of a webhook: it is not encrypted; use `https`";
        assert_eq!(
            korean(url).as_deref(),
            Some("웹훅 주소로 사용할 수 없습니다: `http://a/` (암호화되지 않음 (`https` 필요))")
        );
        for name in ["", "Lobby", "ann@example.com", "x is missing y"] {
            assert_eq!(korean(name), None, "{name}");
        }
    }

    #[test]
    fn every_template_stands_once_and_korean_shows_no_value_that_english_has_not() {
        for (number, (english, korean)) in SENTENCES.iter().enumerate() {
            let values = |text: &str| text.matches("{}").count();
            assert!(values(english) >= values(korean), "{english}");
            let again = SENTENCES
                .iter()
                .skip(number + 1)
                .any(|(other, _)| other == english);
            assert!(!again, "{english} stands twice");
        }
    }

    #[test]
    fn every_refusal_of_a_provider_has_its_reason_and_remedy_in_korean() {
        let all = Explanation::all()
            .chain(Refusal::explanations())
            .chain([CredentialError::EXPLANATION]);
        for explanation in all {
            for sentence in [explanation.reason, explanation.remedy] {
                let korean = korean(sentence).unwrap_or_else(|| panic!("{}: {sentence}", explanation.code));
                let is_hangul = |letter: char| ('가'..='힣').contains(&letter);
                assert!(korean.contains(is_hangul), "{sentence}");
            }
        }
    }
}
