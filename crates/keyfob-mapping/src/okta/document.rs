//! Descriptions of all functions and methods, each with an example that runs, as `keyfob map functions` prints them.

/// The description of a function or a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionDocument {
    /// Its name; that of a method without the value before it.
    pub name: &'static str,
    /// Its form, and the types of its arguments and of its value.
    pub signature: &'static str,
    /// Its purpose, in a sentence.
    pub summary: &'static str,
    /// An expression that calls it.
    pub example: &'static str,
    /// The profiles that the example reads, as JSON; `directory` holds the directory.
    pub source: &'static str,
    /// The value of the example.
    pub result: &'static str,
    /// Where it is documented.
    pub reference: &'static str,
}

const CLASSIC: &str = "Okta Developer: Okta Expression Language overview";
const ENGINE: &str = "Okta Developer: Okta Expression Language in Identity Engine";
const USER: &str = r#"{"user": {"firstName": "John", "email": "john.doe@okta.com", "created": "2015-07-30T23:58:32.000Z", "strArray": ["one", "two"], "status": "ACTIVE"}}"#;
const GROUPS: &str = r#"{"directory": {"groups": [{"id": "00g1", "name": "West Coast Users", "type": "OKTA_GROUP", "app": "OKTA"}]}}"#;
const OTHERS: &str = r#"{"directory": {"directoryUser": {"managerUpn": "ann@okta.com"}, "workdayUser": {"managerUpn": "ann@okta.com"}, "manager": {"active_directory": {"firstName": "Ann"}}, "managerApp": {"active_directory": {"google": {"firstName": "Ann"}}}, "assistant": {"active_directory": {"firstName": "Bob"}}, "assistantApp": {"active_directory": {"google": {"firstName": "Bob"}}}, "linked": {"manager": {"lastName": "Gates"}}}}"#;

/// By name: signature, summary, example, source, result.
static CLASSIC_FUNCTIONS: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "String.append",
        "String.append(text, text): text",
        "Puts a text behind another.",
        "String.append('This is', ' a test')",
        "{}",
        "This is a test",
    ),
    (
        "String.join",
        "String.join(separator: text, text…): text",
        "Puts texts together with a separator.",
        "String.join(',', 'This', 'is', 'a', 'test')",
        "{}",
        "This,is,a,test",
    ),
    (
        "String.len",
        "String.len(text): number",
        "Counts the characters of a text.",
        "String.len('This')",
        "{}",
        "4",
    ),
    (
        "String.removeSpaces",
        "String.removeSpaces(text): text",
        "Removes all blanks.",
        "String.removeSpaces('This is a test')",
        "{}",
        "Thisisatest",
    ),
    (
        "String.replace",
        "String.replace(text, sought: text, replacement: text): text",
        "Replaces a text wherever it occurs.",
        "String.replace('This is a test', 'is', 'at')",
        "{}",
        "That at a test",
    ),
    (
        "String.replaceFirst",
        "String.replaceFirst(text, sought: text, replacement: text): text",
        "Replaces a text where it occurs first.",
        "String.replaceFirst('This is a test', 'is', 'at')",
        "{}",
        "That is a test",
    ),
    (
        "String.startsWith",
        "String.startsWith(text, start: text): boolean",
        "Gives true where a text starts with another.",
        "String.startsWith('This is a test', 'This')",
        "{}",
        "true",
    ),
    (
        "String.endsWith",
        "String.endsWith(text, end: text): boolean",
        "Gives true where a text ends with another.",
        "String.endsWith('This is a test', 'test')",
        "{}",
        "true",
    ),
    (
        "String.stringContains",
        "String.stringContains(text, part: text): boolean",
        "Gives true where a text holds another.",
        "String.stringContains('This is a test', 'test')",
        "{}",
        "true",
    ),
    (
        "String.stringSwitch",
        "String.stringSwitch(text, default: text, key: text, value: text…): text",
        "Gives the value of the first key that the text holds.",
        "String.stringSwitch('This is a test', 'default', 'test', 'value2')",
        "{}",
        "value2",
    ),
    (
        "String.substring",
        "String.substring(text, start: number, end: number): text",
        "Gives the characters from one position up to another, counted from 0.",
        "String.substring('This is a test', 2, 9)",
        "{}",
        "is is a",
    ),
    (
        "String.substringAfter",
        "String.substringAfter(text, sought: text): text",
        "Gives what stands behind a text.",
        "String.substringAfter('abc@okta.com', '@')",
        "{}",
        "okta.com",
    ),
    (
        "String.substringBefore",
        "String.substringBefore(text, sought: text): text",
        "Gives what stands before a text.",
        "String.substringBefore('abc@okta.com', '@')",
        "{}",
        "abc",
    ),
    (
        "String.toUpperCase",
        "String.toUpperCase(text): text",
        "Writes a text in capitals.",
        "String.toUpperCase('This')",
        "{}",
        "THIS",
    ),
    (
        "String.toLowerCase",
        "String.toLowerCase(text): text",
        "Writes a text in small letters.",
        "String.toLowerCase('ThiS')",
        "{}",
        "this",
    ),
    (
        "Arrays.add",
        "Arrays.add(array, value): array",
        "Adds a value.",
        "Arrays.add({10, 20, 30}, 40)",
        "{}",
        "[10,20,30,40]",
    ),
    (
        "Arrays.remove",
        "Arrays.remove(array, value): array",
        "Removes the first of equal values.",
        "Arrays.remove({10, 20, 30}, 20)",
        "{}",
        "[10,30]",
    ),
    (
        "Arrays.clear",
        "Arrays.clear(array): array",
        "Gives an empty array.",
        "Arrays.clear({10, 20, 30})",
        "{}",
        "[]",
    ),
    (
        "Arrays.get",
        "Arrays.get(array, position: number): value",
        "Gives a value by its position, counted from 0.",
        "Arrays.get({0, 1, 2}, 0)",
        "{}",
        "0",
    ),
    (
        "Arrays.flatten",
        "Arrays.flatten(value…): array",
        "Gives all values of arrays within arrays.",
        "Arrays.flatten(10, {20, 30}, 40)",
        "{}",
        "[10,20,30,40]",
    ),
    (
        "Arrays.contains",
        "Arrays.contains(array, value): boolean",
        "Gives true where an array holds a value.",
        "Arrays.contains({10, 20, 30}, 10)",
        "{}",
        "true",
    ),
    (
        "Arrays.size",
        "Arrays.size(array): number",
        "Counts the values.",
        "Arrays.size({10, 20, 30})",
        "{}",
        "3",
    ),
    (
        "Arrays.isEmpty",
        "Arrays.isEmpty(array): boolean",
        "Gives true for an array without values.",
        "Arrays.isEmpty({10, 20})",
        "{}",
        "false",
    ),
    (
        "Arrays.toCsvString",
        "Arrays.toCsvString(array): text",
        "Writes the values with commas between them.",
        "Arrays.toCsvString({'This', 'is'})",
        "{}",
        "This,is",
    ),
    (
        "Convert.toInt",
        "Convert.toInt(number or text): number",
        "Rounds to the nearest integer.",
        "Convert.toInt('123.6')",
        "{}",
        "124",
    ),
    (
        "Convert.toNum",
        "Convert.toNum(text): number",
        "Reads a number.",
        "Convert.toNum('3.141')",
        "{}",
        "3.141",
    ),
    (
        "Iso3166Convert.toAlpha2",
        "Iso3166Convert.toAlpha2(text): text",
        "Gives a country's code of two letters.",
        "Iso3166Convert.toAlpha2('IND')",
        "{}",
        "IN",
    ),
    (
        "Iso3166Convert.toAlpha3",
        "Iso3166Convert.toAlpha3(text): text",
        "Gives a country's code of three letters.",
        "Iso3166Convert.toAlpha3('840')",
        "{}",
        "USA",
    ),
    (
        "Iso3166Convert.toNumeric",
        "Iso3166Convert.toNumeric(text): text",
        "Gives a country's code of three digits.",
        "Iso3166Convert.toNumeric('USA')",
        "{}",
        "840",
    ),
    (
        "Iso3166Convert.toName",
        "Iso3166Convert.toName(text): text",
        "Gives a country's name.",
        "Iso3166Convert.toName('IN')",
        "{}",
        "India",
    ),
    (
        "Time.now",
        "Time.now(zone?: text, pattern?: text): text",
        "Gives the time of the evaluation.",
        "Time.now('UTC', 'yyyy')",
        "{}",
        "2015",
    ),
    (
        "Time.fromWindowsToIso8601",
        "Time.fromWindowsToIso8601(text): text",
        "Reads a Windows file time.",
        "Time.fromWindowsToIso8601('130828367179790000')",
        "{}",
        "2015-07-31T17:18:37.979Z",
    ),
    (
        "Time.fromUnixToIso8601",
        "Time.fromUnixToIso8601(text): text",
        "Reads seconds since 1970.",
        "Time.fromUnixToIso8601('1438363117')",
        "{}",
        "2015-07-31T17:18:37.000Z",
    ),
    (
        "Time.fromStringToIso8601",
        "Time.fromStringToIso8601(text, pattern: text): text",
        "Reads a time by a pattern of Joda.",
        "Time.fromStringToIso8601('01-02-2015', 'dd-MM-yyyy')",
        "{}",
        "2015-02-01T00:00:00.000Z",
    ),
    (
        "Time.fromIso8601ToWindows",
        "Time.fromIso8601ToWindows(text): text",
        "Writes a Windows file time.",
        "Time.fromIso8601ToWindows('2015-07-31T17:18:37.979Z')",
        "{}",
        "130828367179790000",
    ),
    (
        "Time.fromIso8601ToUnix",
        "Time.fromIso8601ToUnix(text): text",
        "Writes seconds since 1970.",
        "Time.fromIso8601ToUnix('2015-07-31T17:18:37.979Z')",
        "{}",
        "1438363117",
    ),
    (
        "Time.fromIso8601ToString",
        "Time.fromIso8601ToString(text, pattern: text): text",
        "Writes a time by a pattern of Joda.",
        "Time.fromIso8601ToString('2015-07-31T17:18:37.979Z', 'MM/dd/yyyy')",
        "{}",
        "07/31/2015",
    ),
    (
        "isMemberOfGroup",
        "isMemberOfGroup(id: text): boolean",
        "Gives true where the user is in the group with this id.",
        "isMemberOfGroup('00g1')",
        GROUPS,
        "true",
    ),
    (
        "isMemberOfAnyGroup",
        "isMemberOfAnyGroup(id: text…): boolean",
        "Gives true where the user is in one of the groups.",
        "isMemberOfAnyGroup('00g1', '00g2')",
        GROUPS,
        "true",
    ),
    (
        "isMemberOfGroupName",
        "isMemberOfGroupName(name: text): boolean",
        "Gives true where the user is in the group with this name.",
        "isMemberOfGroupName('West Coast Users')",
        GROUPS,
        "true",
    ),
    (
        "isMemberOfGroupNameStartsWith",
        "isMemberOfGroupNameStartsWith(start: text): boolean",
        "Gives true where a group's name starts with the text.",
        "isMemberOfGroupNameStartsWith('West')",
        GROUPS,
        "true",
    ),
    (
        "isMemberOfGroupNameContains",
        "isMemberOfGroupNameContains(part: text): boolean",
        "Gives true where a group's name holds the text.",
        "isMemberOfGroupNameContains('Coast')",
        GROUPS,
        "true",
    ),
    (
        "isMemberOfGroupNameRegex",
        "isMemberOfGroupNameRegex(pattern: text): boolean",
        "Gives true where a pattern of Java matches a group's name.",
        "isMemberOfGroupNameRegex('West.*')",
        GROUPS,
        "true",
    ),
    (
        "getFilteredGroups",
        "getFilteredGroups(ids: array, attribute: text, limit: number): array",
        "Gives an attribute of the user's groups among these.",
        "getFilteredGroups({'00g1'}, 'group.name', 10)",
        GROUPS,
        r#"["West Coast Users"]"#,
    ),
    (
        "Groups.contains",
        "Groups.contains(app: text, part: text, limit: number): array",
        "Gives the names of groups that hold a text.",
        "Groups.contains('OKTA', 'Coast', 10)",
        GROUPS,
        r#"["West Coast Users"]"#,
    ),
    (
        "Groups.startsWith",
        "Groups.startsWith(app: text, start: text, limit: number): array",
        "Gives the names of groups that start with a text.",
        "Groups.startsWith('OKTA', 'West', 10)",
        GROUPS,
        r#"["West Coast Users"]"#,
    ),
    (
        "Groups.endsWith",
        "Groups.endsWith(app: text, end: text, limit: number): array",
        "Gives the names of groups that end with a text.",
        "Groups.endsWith('OKTA', 'Users', 10)",
        GROUPS,
        r#"["West Coast Users"]"#,
    ),
    (
        "hasDirectoryUser",
        "hasDirectoryUser(): boolean",
        "Gives true where the user has one profile in Active Directory.",
        "hasDirectoryUser()",
        OTHERS,
        "true",
    ),
    (
        "hasWorkdayUser",
        "hasWorkdayUser(): boolean",
        "Gives true where the user has a profile in Workday.",
        "hasWorkdayUser()",
        OTHERS,
        "true",
    ),
    (
        "findDirectoryUser",
        "findDirectoryUser(): profile",
        "Gives the user's profile in Active Directory.",
        "findDirectoryUser().managerUpn",
        OTHERS,
        "ann@okta.com",
    ),
    (
        "findWorkdayUser",
        "findWorkdayUser(): profile",
        "Gives the user's profile in Workday.",
        "findWorkdayUser().managerUpn",
        OTHERS,
        "ann@okta.com",
    ),
    (
        "getManagerUser",
        "getManagerUser(source: text): profile",
        "Gives the manager's profile in Okta.",
        "getManagerUser('active_directory').firstName",
        OTHERS,
        "Ann",
    ),
    (
        "getManagerAppUser",
        "getManagerAppUser(source: text, app: text): profile",
        "Gives the manager's profile in an app.",
        "getManagerAppUser('active_directory', 'google').firstName",
        OTHERS,
        "Ann",
    ),
    (
        "getAssistantUser",
        "getAssistantUser(source: text): profile",
        "Gives the assistant's profile in Okta.",
        "getAssistantUser('active_directory').firstName",
        OTHERS,
        "Bob",
    ),
    (
        "getAssistantAppUser",
        "getAssistantAppUser(source: text, app: text): profile",
        "Gives the assistant's profile in an app.",
        "getAssistantAppUser('active_directory', 'google').firstName",
        OTHERS,
        "Bob",
    ),
    (
        "user.getLinkedObject",
        "user.getLinkedObject(name: text): profile",
        "Gives the user at the other end of a relation.",
        "user.getLinkedObject('manager').lastName",
        OTHERS,
        "Gates",
    ),
    (
        "user.getInternalProperty",
        "user.getInternalProperty(name: text): value",
        "Gives a property of the user, such as the status.",
        "user.getInternalProperty('status')",
        USER,
        "ACTIVE",
    ),
];

/// By name: signature, summary, example, source, result.
static ENGINE_FUNCTIONS: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "user.getGroups",
        "user.getGroups(criteria…): array",
        "Gives the user's groups that fit all criteria.",
        "user.getGroups({'group.type': {'OKTA_GROUP'}}).![name]",
        GROUPS,
        r#"["West Coast Users"]"#,
    ),
    (
        "user.isMemberOf",
        "user.isMemberOf(criteria…): boolean",
        "Gives true where one of the user's groups fits all criteria.",
        "user.isMemberOf({'group.profile.name': 'West Coast Users', 'operator': 'EXACT'})",
        GROUPS,
        "true",
    ),
    (
        "DateTime.now",
        "DateTime.now(): time",
        "Gives the time of the evaluation.",
        "DateTime.now()",
        "{}",
        "2015-07-31T17:18:37.979Z",
    ),
    (
        "toUpperCase",
        "text.toUpperCase(): text",
        "Writes a text in capitals.",
        "'test'.toUpperCase()",
        "{}",
        "TEST",
    ),
    (
        "toLowerCase",
        "text.toLowerCase(): text",
        "Writes a text in small letters.",
        "'TEST'.toLowerCase()",
        "{}",
        "test",
    ),
    (
        "substring",
        "text.substring(start: number, end?: number): text",
        "Gives the characters from a position on, or up to another, counted from 0.",
        "user.firstName.substring(1, 3)",
        USER,
        "oh",
    ),
    (
        "replace",
        "text.replace(sought: text, replacement: text): text",
        "Replaces a text wherever it occurs.",
        "'hello'.replace('l', 'p')",
        "{}",
        "heppo",
    ),
    (
        "replaceFirst",
        "text.replaceFirst(sought: text, replacement: text): text",
        "Replaces a text where it occurs first.",
        "'hello'.replaceFirst('l', 'p')",
        "{}",
        "heplo",
    ),
    (
        "length",
        "text.length(): number",
        "Counts the characters of a text.",
        "'test'.length()",
        "{}",
        "4",
    ),
    (
        "removeSpaces",
        "text.removeSpaces(): text",
        "Removes all blanks.",
        "'This is a test'.removeSpaces()",
        "{}",
        "Thisisatest",
    ),
    (
        "substringBefore",
        "text.substringBefore(sought: text): text",
        "Gives what stands before a text.",
        "user.email.substringBefore('@')",
        USER,
        "john.doe",
    ),
    (
        "substringAfter",
        "text.substringAfter(sought: text): text",
        "Gives what stands behind a text.",
        "user.email.substringAfter('.')",
        USER,
        "doe@okta.com",
    ),
    (
        "startsWith",
        "text.startsWith(start: text): boolean",
        "Gives true where a text starts with another.",
        "user.email.startsWith('john')",
        USER,
        "true",
    ),
    (
        "endsWith",
        "text.endsWith(end: text): boolean",
        "Gives true where a text ends with another.",
        "user.email.endsWith('.com')",
        USER,
        "true",
    ),
    (
        "split",
        "text.split(separator: text): array",
        "Divides a text at a separator.",
        "user.email.split('@')[0]",
        USER,
        "john.doe",
    ),
    (
        "contains",
        "text or array.contains(value): boolean",
        "Gives true where a text or an array holds a value.",
        "{1, 2, 3}.contains('one')",
        "{}",
        "false",
    ),
    (
        "size",
        "array.size(): number",
        "Counts the values.",
        "user.strArray.size()",
        USER,
        "2",
    ),
    (
        "isEmpty",
        "array.isEmpty(): boolean",
        "Gives true for an array without values.",
        "{}.isEmpty()",
        "{}",
        "true",
    ),
    (
        "add",
        "array.add(value): array",
        "Adds a value.",
        "{'one', 'two'}.add('two')",
        "{}",
        r#"["one","two","two"]"#,
    ),
    (
        "remove",
        "array.remove(value): array",
        "Removes the first of equal values.",
        "{2, 3}.remove(2)",
        "{}",
        "[3]",
    ),
    (
        "get",
        "array.get(position: number): value",
        "Gives a value by its position, counted from 0.",
        "{2, 3}.get(1)",
        "{}",
        "3",
    ),
    (
        "flatten",
        "array.flatten(): array",
        "Gives all values of arrays within arrays.",
        "{{1}, {2, 3}}.flatten()",
        "{}",
        "[1,2,3]",
    ),
    (
        "toCsvString",
        "array.toCsvString(): text",
        "Writes the values with commas between them.",
        "user.strArray.toCsvString()",
        USER,
        "one,two",
    ),
    (
        "toInteger",
        "text or number.toInteger(): number",
        "Rounds to the nearest integer.",
        "'1.1'.toInteger()",
        "{}",
        "1",
    ),
    (
        "toNumber",
        "text.toNumber(): number",
        "Reads a number.",
        "'1.7'.toNumber()",
        "{}",
        "1.7",
    ),
    (
        "parseCountryCode",
        "text.parseCountryCode(): country",
        "Finds a country by its name or a code.",
        "'United States'.parseCountryCode()",
        "{}",
        "US",
    ),
    (
        "toAlpha2",
        "country.toAlpha2(): text",
        "Gives a country's code of two letters.",
        "'USA'.parseCountryCode().toAlpha2()",
        "{}",
        "US",
    ),
    (
        "toAlpha3",
        "country.toAlpha3(): text",
        "Gives a country's code of three letters.",
        "'840'.parseCountryCode().toAlpha3()",
        "{}",
        "USA",
    ),
    (
        "toNumeric",
        "country.toNumeric(): text",
        "Gives a country's code of three digits.",
        "'United States'.parseCountryCode().toNumeric()",
        "{}",
        "840",
    ),
    (
        "toName",
        "country.toName(): text",
        "Gives a country's name.",
        "'US'.parseCountryCode().toName()",
        "{}",
        "United States",
    ),
    (
        "parseWindowsTime",
        "text.parseWindowsTime(): time",
        "Reads a Windows file time.",
        "'130828367179790000'.parseWindowsTime()",
        "{}",
        "2015-07-31T17:18:37.979Z",
    ),
    (
        "parseUnixTime",
        "text.parseUnixTime(): time",
        "Reads milliseconds since 1970.",
        "'1438363117979'.parseUnixTime()",
        "{}",
        "2015-07-31T17:18:37.979Z",
    ),
    (
        "parseStringTime",
        "text.parseStringTime(pattern?: text): time",
        "Reads a time in ISO 8601 or by a pattern.",
        "'17 June 2015 00:23:19'.parseStringTime('dd MMMM yyyy HH:mm:ss')",
        "{}",
        "2015-06-17T00:23:19.000Z",
    ),
    (
        "toWindows",
        "time.toWindows(): text",
        "Writes a Windows file time.",
        "user.created.toWindows()",
        USER,
        "130827743120000000",
    ),
    (
        "toUnix",
        "time.toUnix(): text",
        "Writes milliseconds since 1970.",
        "DateTime.now().toUnix()",
        "{}",
        "1438363117979",
    ),
    (
        "toString",
        "time.toString(pattern?: text): text",
        "Writes a time in ISO 8601 or by a pattern.",
        "user.created.toString('MM/dd/yyyy')",
        USER,
        "07/30/2015",
    ),
    (
        "toZone",
        "time.toZone(zone: text): time",
        "Gives the time in a time zone.",
        "DateTime.now().toZone('Asia/Tokyo')",
        "{}",
        "2015-08-01T02:18:37.979+09:00[Asia/Tokyo]",
    ),
    (
        "plusDays",
        "time.plusDays(number): time",
        "Gives the time so many days later.",
        "user.created.plusDays(2)",
        USER,
        "2015-08-01T23:58:32.000Z",
    ),
    (
        "plusHours",
        "time.plusHours(number): time",
        "Gives the time so many hours later.",
        "user.created.plusHours(-1)",
        USER,
        "2015-07-30T22:58:32.000Z",
    ),
    (
        "plusMinutes",
        "time.plusMinutes(number): time",
        "Gives the time so many minutes later.",
        "user.created.plusMinutes(1)",
        USER,
        "2015-07-30T23:59:32.000Z",
    ),
    (
        "plusSeconds",
        "time.plusSeconds(number): time",
        "Gives the time so many seconds later.",
        "user.created.plusSeconds(0)",
        USER,
        "2015-07-30T23:58:32.000Z",
    ),
    (
        "minusDays",
        "time.minusDays(number): time",
        "Gives the time so many days earlier.",
        "DateTime.now().minusDays(3)",
        "{}",
        "2015-07-28T17:18:37.979Z",
    ),
    (
        "minusHours",
        "time.minusHours(number): time",
        "Gives the time so many hours earlier.",
        "DateTime.now().minusHours(100)",
        "{}",
        "2015-07-27T13:18:37.979Z",
    ),
    (
        "minusMinutes",
        "time.minusMinutes(number): time",
        "Gives the time so many minutes earlier.",
        "DateTime.now().minusMinutes(-1)",
        "{}",
        "2015-07-31T17:19:37.979Z",
    ),
    (
        "minusSeconds",
        "time.minusSeconds(number): time",
        "Gives the time so many seconds earlier.",
        "DateTime.now().minusSeconds(2)",
        "{}",
        "2015-07-31T17:18:35.979Z",
    ),
    (
        "withinDays",
        "time.withinDays(number): boolean",
        "Gives true for a time at most so many days away from now.",
        "user.created.withinDays(1)",
        USER,
        "true",
    ),
    (
        "withinHours",
        "time.withinHours(number): boolean",
        "Gives true for a time at most so many hours away from now.",
        "user.created.withinHours(100)",
        USER,
        "true",
    ),
    (
        "withinMinutes",
        "time.withinMinutes(number): boolean",
        "Gives true for a time at most so many minutes away from now.",
        "user.created.withinMinutes(2)",
        USER,
        "false",
    ),
    (
        "withinSeconds",
        "time.withinSeconds(number): boolean",
        "Gives true for a time at most so many seconds away from now.",
        "user.created.withinSeconds(100)",
        USER,
        "false",
    ),
];

/// Returns every function of the classic language and every function and method of Identity Engine's.
///
/// ```
/// use keyfob_mapping::okta;
///
/// let split = okta::functions().find(|function| function.name == "split").ok_or("no such method")?;
/// assert_eq!(split.signature, "text.split(separator: text): array");
/// # Ok::<(), &str>(())
/// ```
pub fn functions() -> impl Iterator<Item = FunctionDocument> {
    let of = |reference| {
        move |&(name, signature, summary, example, source, result): &(
            &'static str,
            &'static str,
            &'static str,
            &'static str,
            &'static str,
            &'static str,
        )| {
            FunctionDocument {
                name,
                signature,
                summary,
                example,
                source,
                result,
                reference,
            }
        }
    };
    let classic = CLASSIC_FUNCTIONS.iter().map(of(CLASSIC));
    classic.chain(ENGINE_FUNCTIONS.iter().map(of(ENGINE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        okta::{Context, Directory, Expression, function::Function, method::Method},
        source::Source,
        value::Value,
    };

    fn json(value: &Value) -> String {
        match value {
            Value::List(values) => {
                let values: Vec<String> = values.iter().map(json).collect();
                format!("[{}]", values.join(","))
            }
            Value::Text(_) => value.to_json(),
            Value::Boolean(value) => value.to_string(),
            other => other.to_text().into(),
        }
    }

    #[test]
    fn every_function_and_method_has_an_example_that_gives_what_it_says() {
        for document in functions() {
            let source = Source::from_json(document.source.as_bytes()).unwrap();
            let directory = match source.get("directory") {
                Some(Value::Complex(members)) => Directory::from(members.iter().cloned().collect::<Source>()),
                _ => Directory::default(),
            };
            let cx =
                Context::new(&source, "2015-07-31T17:18:37.979Z".parse().unwrap()).with_directory(&directory);
            let expression = Expression::parse(document.example).unwrap_or_else(|error| {
                panic!("{}", error.display_with(document.example));
            });
            let value = expression
                .evaluate(&cx)
                .unwrap_or_else(|error| panic!("{}: {error}", document.name));
            let text = match &value {
                Value::Text(text) => text.to_string(),
                other => json(other),
            };
            assert_eq!(text, document.result, "{}", document.name);
        }
        for name in Function::names().chain(Method::names()) {
            assert!(functions().any(|document| document.name == name), "{name}");
        }
    }
}
