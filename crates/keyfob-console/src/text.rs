//! The texts of the pages, in English and in Korean.

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Korean,
}

impl Language {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    pub(crate) fn named(code: &str) -> Option<Self> {
        [Self::English, Self::Korean]
            .into_iter()
            .find(|language| language.code() == code)
    }

    /// Returns the language that a header `Accept-Language` names first of those that there are.
    pub(crate) fn accepted(header: &str) -> Self {
        let tags = header.split(',').filter_map(|part| part.split(';').next());
        let mut known = tags.filter_map(|tag| Self::named(tag.trim().split('-').next()?));
        known.next().unwrap_or(Self::English)
    }

    /// Returns the text of an id.
    pub(crate) fn text(self, id: &str) -> &'static str {
        let row = TEXTS.iter().find(|(known, _, _)| *known == id);
        row.map_or("", |(_, english, korean)| match self {
            Self::English => english,
            Self::Korean => korean,
        })
    }
}

/// Id, English, Korean: phrases, then pages, operations, fields and parameters.
pub(crate) const TEXTS: &[(&str, &str, &str)] = &[
    ("console", "keyfob administration", "keyfob 관리"),
    ("skip", "Skip to content", "본문으로 건너뛰기"),
    ("navigation", "Pages", "페이지"),
    ("sign-in", "Sign in", "로그인"),
    ("sign-out", "Sign out", "로그아웃"),
    ("admin-token", "Administrator's token", "관리자 토큰"),
    (
        "sign-in-failed",
        "The token is not valid.",
        "유효하지 않은 토큰입니다.",
    ),
    (
        "sign-in-often",
        "Too many attempts. Try again in a minute.",
        "시도 횟수가 너무 많습니다. 잠시 후 다시 시도하십시오.",
    ),
    (
        "unavailable",
        "The service can't be reached now. Try again later.",
        "지금은 서비스에 연결할 수 없습니다. 나중에 다시 시도하십시오.",
    ),
    (
        "plain-text",
        "This page was opened over plain http. Give the server a certificate, or put a proxy with TLS in front of it, and open the page over https: nobody signs in otherwise.",
        "이 페이지는 암호화되지 않은 http로 열렸습니다. 서버에 인증서를 설정하거나 서버 앞에 TLS 프록시를 두고 https로 여십시오. 그렇지 않으면 로그인할 수 없습니다.",
    ),
    ("organizations", "Organizations", "조직"),
    (
        "not-found",
        "There is no such page.",
        "페이지를 찾을 수 없습니다.",
    ),
    ("back", "Back", "뒤로"),
    ("continue", "Continue", "계속"),
    ("cancel", "Cancel", "취소"),
    ("save", "Save", "저장"),
    ("done", "Done", "완료"),
    ("show", "Show", "보기"),
    ("filter", "Filter", "필터"),
    ("next", "Next page", "다음 페이지"),
    ("none", "There is nothing here.", "항목이 없습니다."),
    ("yes", "Yes", "예"),
    ("no", "No", "아니요"),
    ("required", "required", "필수"),
    ("one-a-line", "one a line", "한 줄에 하나씩"),
    ("unchanged", "no matter", "상관없음"),
    ("problem", "Nothing was done", "처리되지 않았습니다"),
    ("confirm", "This can't be undone", "되돌릴 수 없습니다"),
    ("stays", "What stays", "유지되는 항목"),
    ("effects", "What happens", "적용되는 항목"),
    ("reason", "Reason, for the record", "사유 (기록용)"),
    (
        "once",
        "The token is shown this once. Copy it now.",
        "토큰은 이번 한 번만 표시됩니다. 지금 복사하십시오.",
    ),
    (
        "once-secret",
        "The secret is shown this once. Copy it now.",
        "비밀 키는 이번 한 번만 표시됩니다. 지금 복사하십시오.",
    ),
    (
        "once-link",
        "The link is shown this once. Copy it now, and send it to whoever sets the provider up.",
        "링크는 이번 한 번만 표시됩니다. 지금 복사하여 공급자를 설정할 담당자에게 보내십시오.",
    ),
    (
        "link-about",
        "With this link you set up an identity provider for one organization: its base URL, its token, and the steps.",
        "이 링크로 한 조직의 ID 공급자를 설정합니다: 기본 URL, 토큰, 설정 단계.",
    ),
    ("link-open", "Open set-up", "설정 열기"),
    (
        "first-request",
        "Waiting for the first request of the provider. Test the connection there, and load this page again.",
        "공급자의 첫 요청을 기다리는 중입니다. 공급자에서 연결을 테스트한 후 이 페이지를 새로 고치십시오.",
    ),
    (
        "sent-already",
        "This form was sent already, and nothing was done a second time.",
        "이미 전송된 양식이며, 다시 처리되지 않았습니다.",
    ),
    (
        "stale-form",
        "This form is not one of your session. Open the page again.",
        "현재 세션의 양식이 아닙니다. 페이지를 다시 여십시오.",
    ),
    ("scim-managed", "SCIM Managed", "SCIM 관리"),
    ("provider", "Identity provider", "ID 공급자"),
    // Words of the libraries. English pages show them as programs have them.
    ("word.active", "active", "활성"),
    ("word.invited", "invited", "초대됨"),
    ("word.uninvited", "uninvited", "초대 전"),
    ("word.deactivated", "deactivated", "비활성화됨"),
    ("word.deleted", "deleted", "삭제됨"),
    ("word.staged", "staged", "대기 중"),
    ("word.scim", "scim", "SCIM"),
    ("word.manual", "manual", "수동"),
    ("word.group", "group", "그룹"),
    ("word.administrator", "administrator", "관리자"),
    ("word.operator", "operator", "운영자"),
    (
        "word.directoryAdministrator",
        "directoryAdministrator",
        "디렉터리 관리자",
    ),
    ("word.auditor", "auditor", "감사자"),
    ("word.application", "application", "애플리케이션"),
    ("word.setUp", "setUp", "설정"),
    ("word.gone", "gone", "수신자 (410)"),
    ("word.done", "done", "완료"),
    ("word.refused", "refused", "거부됨"),
    // Pages
    ("page.overview", "Overview", "개요"),
    ("page.set-up", "Set-up", "설정 안내"),
    ("page.tokens", "Tokens", "토큰"),
    ("page.domains", "Domains", "도메인"),
    ("page.synchronization", "What to sync", "동기화 항목"),
    ("page.users", "Users", "사용자"),
    ("page.invites", "Invites", "초대"),
    ("page.deleted-users", "Deleted Users", "삭제된 사용자"),
    ("page.groups", "Groups", "그룹"),
    ("page.access-groups", "Access groups", "출입 그룹"),
    ("page.levels", "Access levels", "출입 권한 수준"),
    ("page.doors", "Doors", "출입문"),
    ("page.units", "Units", "부서"),
    ("page.roles", "Roles", "역할"),
    ("page.setup-links", "Set-up links", "설정 링크"),
    ("page.administrators", "Administrators", "관리자"),
    ("page.requests", "Requests", "요청 기록"),
    ("page.audit", "Audit", "감사 기록"),
    ("page.webhooks", "Webhooks", "웹훅"),
    // Operations
    ("createOrganization", "Create organization", "조직 만들기"),
    (
        "enableProvisioning",
        "Enable SCIM Provisioning",
        "SCIM 프로비저닝 사용",
    ),
    ("turnInvitesOn", "Send email invites", "초대 메일 보내기"),
    (
        "turnInvitesOff",
        "Don't send email invites",
        "초대 메일 보내지 않기",
    ),
    ("unlink", "Unlink", "연결 해제"),
    ("revokeToken", "Revoke token", "토큰 폐기"),
    ("refreshToken", "Refresh", "새로 고침"),
    ("issueToken", "Issue token", "토큰 발급"),
    ("removeDomain", "Remove domain", "도메인 제거"),
    ("addDomains", "Add Domain", "도메인 추가"),
    ("setSynchronization", "Change what to sync", "동기화 항목 변경"),
    ("createUser", "Create user", "사용자 만들기"),
    ("acceptInvite", "Accept invitation", "초대 수락"),
    ("inviteUser", "Invite", "초대"),
    ("withdrawInvite", "Withdraw invitation", "초대 취소"),
    ("activateUser", "Activate", "활성화"),
    ("deactivateUser", "Deactivate", "비활성화"),
    ("editUser", "Edit", "편집"),
    ("grantUnit", "Grant unit or role", "부서 또는 역할 부여"),
    ("revokeUnit", "Revoke unit or role", "부서 또는 역할 회수"),
    ("deleteUser", "Delete", "삭제"),
    ("purgeUser", "Permanently remove", "영구 제거"),
    ("restoreUser", "Restore", "복원"),
    ("listDoorsOfUser", "Doors that open now", "현재 열리는 출입문"),
    ("listGrants", "Units and roles", "부서 및 역할"),
    ("showHistoryOfUser", "History", "이력"),
    (
        "createAccessGroupFromScim",
        "Create SCIM Group",
        "SCIM 그룹 만들기",
    ),
    ("mapGroup", "Map to a unit", "부서에 매핑"),
    ("unmapGroup", "Remove mapping", "매핑 제거"),
    ("createAccessGroup", "Create access group", "출입 그룹 만들기"),
    ("addMember", "Add user", "사용자 추가"),
    ("removeMember", "Remove user", "사용자 제거"),
    ("renameAccessGroup", "Rename", "이름 바꾸기"),
    ("deleteAccessGroup", "Delete access group", "출입 그룹 삭제"),
    ("createLevel", "Create access level", "출입 권한 수준 만들기"),
    ("assignLevel", "Assign access level", "출입 권한 수준 할당"),
    (
        "unassignLevel",
        "Unassign access level",
        "출입 권한 수준 할당 해제",
    ),
    ("addDoor", "Add door", "출입문 추가"),
    ("removeDoor", "Remove door", "출입문 제거"),
    ("setHours", "Set hours", "시간 설정"),
    ("setException", "Set hours of one day", "특정일 시간 설정"),
    ("removeException", "Remove hours of one day", "특정일 시간 제거"),
    ("renameLevel", "Rename", "이름 바꾸기"),
    ("deleteLevel", "Delete access level", "출입 권한 수준 삭제"),
    ("createDoor", "Create door", "출입문 만들기"),
    ("renameDoor", "Rename", "이름 바꾸기"),
    ("setTimeZone", "Set time zone", "시간대 설정"),
    ("deleteDoor", "Delete door", "출입문 삭제"),
    ("createUnit", "Create unit", "부서 만들기"),
    ("renameUnit", "Rename", "이름 바꾸기"),
    ("moveUnit", "Move", "이동"),
    ("setDefaultUnit", "Make default", "기본으로 지정"),
    ("deleteUnit", "Delete unit", "부서 삭제"),
    ("createRole", "Create role", "역할 만들기"),
    ("deleteRole", "Delete role", "역할 삭제"),
    ("issueSetupLink", "Create set-up link", "설정 링크 만들기"),
    ("revokeSetupLink", "Revoke set-up link", "설정 링크 폐기"),
    ("issueAdminToken", "Issue token", "토큰 발급"),
    ("revokeAdminToken", "Revoke token", "토큰 폐기"),
    ("createWebhook", "Add webhook", "웹훅 추가"),
    ("editWebhook", "Edit", "편집"),
    ("pauseWebhook", "Pause", "일시 중지"),
    ("resumeWebhook", "Resume", "다시 시작"),
    ("rotateWebhookSecret", "Replace secret", "비밀 키 교체"),
    ("testWebhook", "Send test message", "테스트 메시지 보내기"),
    ("redeliver", "Deliver again", "다시 전달"),
    ("discardDeadLetter", "Discard message", "메시지 버리기"),
    ("deleteWebhook", "Delete webhook", "웹훅 삭제"),
    (
        "listDeadLetters",
        "Messages that were not delivered",
        "전달되지 않은 메시지",
    ),
    // Fields and parameters
    ("url", "Address", "주소"),
    ("types", "Types of events", "이벤트 유형"),
    ("paused", "Paused by", "일시 중지 주체"),
    ("waiting", "Waiting events", "대기 중인 이벤트"),
    ("failures", "Failed attempts", "실패한 시도"),
    ("heldUntil", "Next attempt", "다음 시도"),
    ("lastDelivered", "Last delivery", "마지막 전달"),
    ("lastFailed", "Last failed attempt", "마지막 실패"),
    ("failure", "Why it failed", "실패 사유"),
    ("secretCreated", "Secret made", "비밀 키 생성일"),
    ("formerSecretExpires", "Former secret ends", "이전 비밀 키 만료일"),
    ("changed", "Changed", "변경일"),
    ("type", "Type", "유형"),
    ("attempts", "Attempts", "시도 횟수"),
    (
        "letter",
        "Message, by its id; empty for all",
        "메시지 ID (비우면 모두)",
    ),
    (
        "overlap",
        "The former secret signs for, as in 1d",
        "이전 비밀 키 사용 기간 (예: 1d)",
    ),
    ("id", "Id", "ID"),
    ("name", "Name", "이름"),
    ("profile", "Profile", "프로필"),
    ("linked", "Linked", "연결됨"),
    ("domains", "Domains", "도메인"),
    ("domain", "Domain", "도메인"),
    ("users", "Users", "사용자"),
    ("deletedUsers", "Deleted users", "삭제된 사용자"),
    ("groups", "Groups", "그룹"),
    ("managedUsers", "Users, SCIM Managed", "SCIM 관리 사용자"),
    ("invitedUsers", "Invited users", "초대된 사용자"),
    ("deactivatedUsers", "Deactivated users", "비활성화된 사용자"),
    ("stagedCards", "Staged cards", "대기 중인 카드"),
    ("managedGroups", "Groups, SCIM Managed", "SCIM 관리 그룹"),
    ("accessGroups", "Access groups", "출입 그룹"),
    ("levels", "Access levels", "출입 권한 수준"),
    ("doors", "Doors", "출입문"),
    ("warnings", "Warnings", "경고"),
    ("enabled", "Enabled", "사용"),
    ("baseUrl", "SCIM Base URL", "SCIM 기본 URL"),
    ("sendInvites", "Send email invites", "초대 메일"),
    ("tokens", "Tokens", "토큰"),
    ("hint", "Ends with", "끝자리"),
    ("created", "Created", "생성일"),
    ("createdBy", "Created by", "생성자"),
    ("expires", "Expires", "만료일"),
    ("expiresIn", "Valid for, as in 90d", "유효 기간 (예: 90d)"),
    ("lastUsed", "Last used", "마지막 사용"),
    ("warning", "Warning", "경고"),
    ("roles", "Roles", "역할"),
    ("ignored", "Not synchronized", "동기화하지 않음"),
    ("ignore", "Don't synchronize attribute", "동기화하지 않을 속성"),
    ("take", "Synchronize attribute again", "다시 동기화할 속성"),
    ("defaultUnit", "Default unit, id", "기본 부서 ID"),
    ("defaultUnitName", "Default unit", "기본 부서"),
    ("userName", "User name", "사용자 이름"),
    ("displayName", "Display name", "표시 이름"),
    ("givenName", "First name", "이름"),
    ("familyName", "Last name", "성"),
    ("email", "Email", "이메일"),
    ("phoneNumber", "Phone number", "전화번호"),
    ("state", "State", "상태"),
    ("managed", "SCIM Managed", "SCIM 관리"),
    ("managedBy", "Managed by", "관리 주체"),
    ("credential", "Card", "카드"),
    ("deletedAt", "Deleted at", "삭제 시각"),
    ("deletedBy", "Deleted by", "삭제 주체"),
    ("accessGroup", "Access group", "출입 그룹"),
    ("unit", "Unit", "부서"),
    ("role", "Role", "역할"),
    ("memberCount", "Members", "구성원 수"),
    ("members", "Members", "구성원"),
    ("source", "Source", "출처"),
    ("group", "Group", "그룹"),
    ("user", "User", "사용자"),
    ("directory", "Directory", "디렉터리"),
    (
        "hours",
        "Hours, as in MO-FR 08:00-18:00",
        "시간 (예: MO-FR 08:00-18:00)",
    ),
    ("exceptions", "Other days", "예외일"),
    ("accessGroupNames", "Access groups", "출입 그룹"),
    ("doorNames", "Doors", "출입문"),
    ("level", "Access level", "출입 권한 수준"),
    ("door", "Door", "출입문"),
    ("date", "Day, as in 2026-12-25", "날짜 (예: 2026-12-25)"),
    ("site", "Site", "위치"),
    ("timeZone", "Time zone", "시간대"),
    ("parent", "Part of", "상위 부서"),
    ("isDefault", "Default", "기본"),
    ("title", "Title", "제목"),
    ("steps", "Steps", "단계"),
    (
        "userMappings",
        "Mappings of users: target, source, kind",
        "사용자 매핑: 대상, 원본, 유형",
    ),
    (
        "groupMappings",
        "Mappings of groups: target, source, kind",
        "그룹 매핑: 대상, 원본, 유형",
    ),
    ("notes", "Notes", "참고"),
    ("at", "Time", "시각"),
    ("label", "Of", "대상"),
    ("resourceType", "Type", "유형"),
    ("resource", "Id of the resource", "리소스 ID"),
    ("verb", "Operation", "작업"),
    ("actor", "By", "수행자"),
    ("data", "Details", "세부 정보"),
    ("q", "Search", "검색"),
    ("lastRequest", "Last request", "마지막 요청"),
    ("lastSuccess", "Last success", "마지막 성공"),
    ("lastRefusal", "Last refusal", "마지막 거부"),
    ("outcome", "Outcome", "결과"),
    ("refused", "Refused", "거부됨"),
    ("method", "Method", "메서드"),
    ("path", "Endpoint", "엔드포인트"),
    ("status", "Status", "응답 코드"),
    ("scimType", "scimType", "scimType"),
    ("token", "Token", "토큰"),
    ("resourceName", "About", "대상 이름"),
    ("attributes", "Attributes", "속성"),
    ("request", "Id of the request", "요청 ID"),
    ("code", "Code", "코드"),
    ("why", "Reason", "사유"),
    ("fix", "What to change", "조치 방법"),
    (
        "since",
        "Since, as in 2026-12-25T00:00:00Z",
        "시작 시각 (예: 2026-12-25T00:00:00Z)",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_stands_once_with_a_text_in_each_language() {
        for (number, (id, english, korean)) in TEXTS.iter().enumerate() {
            assert!(!english.is_empty() && !korean.is_empty(), "{id}");
            let again = TEXTS.iter().skip(number + 1).any(|(other, _, _)| other == id);
            assert!(!again, "{id} stands twice");
        }
    }

    #[test]
    fn the_first_known_language_is_accepted() {
        for (header, language) in [
            ("", Language::English),
            ("ko", Language::Korean),
            ("ko-KR,ko;q=0.9,en;q=0.8", Language::Korean),
            ("fr, ko;q=0.5", Language::Korean),
            ("en-GB, ko", Language::English),
            ("*", Language::English),
            ("q=;,;;-", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
