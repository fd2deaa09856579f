//! Organizations as they are: names of several scripts, departments, managers, cards, and groups of which few are large.

use serde_json::{Value, json};

use crate::{ENTERPRISE, resource::put};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ACCESS: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";

/// The number of people who have the same manager.
const REPORTS: usize = 9;

/// The number of users for each group.
const USERS_PER_GROUP: usize = 25;

/// The members of a group by its rank: the largest has everybody, and from rank to rank they become fewer by this power.
const TAIL: f64 = 1.2;

/// The card numbers of a facility, and the facilities, of the 26-bit format.
const CARDS: usize = 65_536;
const FACILITIES: usize = 256;

/// The instant of the first id, in milliseconds since the start of 1970.
const BEGINNING: u64 = 1_700_000_000_000;

/// Generates the users and groups of an organization.
///
/// The same seed and size give the same organization. Each user and each group is made from its number alone, so that a
/// million of them take no memory. Everything fits the schemas of the registry with the Verkada extensions.
///
/// ```
/// use keyfob_testgen::Organization;
///
/// let organization = Organization::new(7, 1_000);
/// let user = organization.user(42);
/// assert_eq!(user, Organization::new(7, 1_000).user(42));
/// assert!(user["userName"].as_str().unwrap().ends_with("@example.com"));
/// assert_eq!(organization.groups().count(), 40);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Organization {
    seed: u64,
    users: usize,
}

impl Organization {
    /// Describes an organization of so many users.
    #[must_use]
    pub fn new(seed: u64, users: usize) -> Self {
        Self { seed, users }
    }

    /// Returns the users, the managers before those who report to them.
    pub fn users(self) -> impl Iterator<Item = Value> {
        (0..self.users).map(move |number| self.user(number))
    }

    /// Returns the groups, the largest first.
    pub fn groups(self) -> impl Iterator<Item = Value> {
        (0..self.group_count()).map(move |rank| self.group(rank))
    }

    /// Returns the number of users.
    #[must_use]
    pub fn user_count(self) -> usize {
        self.users
    }

    /// Returns the number of groups.
    #[must_use]
    pub fn group_count(self) -> usize {
        self.users.div_ceil(USERS_PER_GROUP)
    }

    /// Returns the user of a number, with the id that members and managers name.
    #[must_use]
    pub fn user(self, number: usize) -> Value {
        let mut random = self.random(1, number);
        let script = random.pick_weighted(&SCRIPTS, |script| script.weight);
        let (given, given_ascii) = random.pick(script.given);
        let (family, family_ascii) = random.pick(script.family);
        let formatted = if script.family_first {
            format!("{family}{given}")
        } else {
            format!("{given} {family}")
        };
        let user_name = format!("{given_ascii}.{family_ascii}.{}@example.com", base_36(number));
        let (department, _, titles) = random.pick_weighted(&DEPARTMENTS, |(_, weight, _)| *weight);
        let title = match number {
            0 => "Chief Executive",
            _ if number * REPORTS + 1 < self.users => "Manager",
            _ => random.pick(titles),
        };
        let (locality, country, zone) = random.pick(&SITES);
        let mut schemas = vec![USER, ENTERPRISE];
        let mut emails = vec![json!({"value": user_name, "type": "work", "primary": true})];
        if random.one_in(4) {
            let home = format!("{given_ascii}{}@mail.example.net", base_36(number));
            emails.push(json!({"value": home, "type": "home"}));
        }
        let mut extension = json!({
            "employeeNumber": format!("{:07}", number + 1),
            "department": department,
            "costCenter": format!("{}", 4_000 + random.below(60)),
            "organization": "Example",
        });
        if let Some(manager) = manager_of(number) {
            let manager = json!({"value": self.user_id(manager)});
            put(&mut extension, "manager", manager);
        }
        let mut user = json!({
            "id": self.user_id(number),
            "externalId": self.uuid(2, number),
            "userName": user_name,
            "name": {"formatted": formatted, "familyName": family, "givenName": given},
            "displayName": formatted,
            "title": title,
            "preferredLanguage": script.language,
            "timezone": zone,
            "active": !random.one_in(33),
            "emails": emails,
            "phoneNumbers": [{"value": format!("+1555{number:07}"), "type": "work"}],
            "addresses": [{"type": "work", "locality": locality, "country": country}],
            ENTERPRISE: extension,
        });
        // Three of four people have a card.
        if number < CARDS * FACILITIES && !random.one_in(4) {
            schemas.push(ACCESS);
            let card = json!({
                "cardFormat": "Standard 26-bit Wiegand",
                "facilityCode": (number / CARDS).to_string(),
                "cardNumber": (number % CARDS).to_string(),
            });
            put(&mut user, ACCESS, card);
        }
        put(&mut user, "schemas", json!(schemas));
        user
    }

    /// Returns the group of a rank.
    ///
    /// # Complexity
    /// That of its members.
    #[must_use]
    pub fn group(self, rank: usize) -> Value {
        let mut random = self.random(3, rank);
        let (department, ..) = random.pick(&DEPARTMENTS);
        let (locality, ..) = random.pick(&SITES);
        let name = match rank {
            0 => "Everybody".to_owned(),
            _ => format!("{locality} {department} {} {rank}", random.pick(&PURPOSES)),
        };
        let members: Vec<Value> = self
            .members(rank)
            .map(|number| json!({"value": self.user_id(number), "type": "User"}))
            .collect();
        let mut group = json!({
            "schemas": [GROUP],
            "id": self.group_id(rank),
            "externalId": self.uuid(4, rank),
            "displayName": name,
        });
        if !members.is_empty() {
            put(&mut group, "members", members.into());
        }
        group
    }

    /// Returns the numbers of the users in the group of a rank, each once.
    pub fn members(self, rank: usize) -> impl Iterator<Item = usize> {
        let mut random = self.random(5, rank);
        let users = self.users;
        // Steps of a length that shares no divisor with the number of users meet nobody twice.
        let mut step = random.below(users).max(1);
        while users > 0 && greatest_common_divisor(step, users) != 1 {
            step = if step == users { 1 } else { step + 1 };
        }
        let mut number = random.below(users);
        (0..self.size(rank)).map(move |_| {
            number = (number + step) % users.max(1);
            number
        })
    }

    /// Returns the number of members of the group of a rank.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rounded number of members is as good"
    )]
    pub fn size(self, rank: usize) -> usize {
        let size = self.users as f64 / ((rank + 1) as f64).powf(TAIL);
        (size as usize).clamp(self.users.min(2), self.users)
    }

    /// Returns the id of a user. Ids grow with the numbers, as those of a service do.
    #[must_use]
    pub fn user_id(self, number: usize) -> String {
        self.uuid_in_order(6, number)
    }

    /// Returns the id of a group.
    #[must_use]
    pub fn group_id(self, rank: usize) -> String {
        self.uuid_in_order(7, rank)
    }

    /// Returns the source of everything about one thing.
    fn random(self, what: u64, number: usize) -> Random {
        let mut random = Random(self.seed ^ what.rotate_left(56));
        random.0 = random.next() ^ number as u64;
        random.next();
        random
    }

    /// A UUID of version 4.
    fn uuid(self, what: u64, number: usize) -> String {
        let mut random = self.random(what, number);
        let (high, low) = (random.next(), random.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            0x8000 | low >> 48 & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// A UUID of version 7, a millisecond after that of the number before.
    fn uuid_in_order(self, what: u64, number: usize) -> String {
        let at = BEGINNING + number as u64;
        let mut random = self.random(what, number);
        let (high, low) = (random.next(), random.next());
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            at >> 16,
            at & 0xffff,
            high & 0xfff,
            0x8000 | high >> 12 & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }
}

/// A generator of numbers: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`; zero for zero.
    fn below(&mut self, bound: usize) -> usize {
        // The product's upper half is as even as the number.
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    #[expect(clippy::expect_used, reason = "a generator picks from what it states")]
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let picked = from.get(self.below(from.len())).copied();
        picked.expect("something to pick from")
    }

    /// Picks the more often the greater the weight is.
    #[expect(clippy::expect_used, reason = "a generator picks from what it states")]
    fn pick_weighted<T: Copy>(&mut self, from: &[T], weight: impl Fn(&T) -> usize) -> T {
        let mut left = self.below(from.iter().map(&weight).sum());
        let picked = from
            .iter()
            .find(|candidate| match left.checked_sub(weight(candidate)) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
        *picked.expect("something to pick from")
    }
}

/// A permutation of the numbers.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Returns the manager of a user; the first one has none.
fn manager_of(number: usize) -> Option<usize> {
    Some(number.checked_sub(1)? / REPORTS)
}

fn greatest_common_divisor(mut left: usize, mut right: usize) -> usize {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn base_36(number: usize) -> String {
    let mut digits = Vec::new();
    let mut left = number;
    while left > 0 || digits.is_empty() {
        digits.push(u32::try_from(left % 36).unwrap_or_default());
        left /= 36;
    }
    let digits = digits.into_iter().rev();
    digits.filter_map(|digit| char::from_digit(digit, 36)).collect()
}

/// Names of one script, each with the form in which it stands in an address.
#[derive(Clone, Copy)]
struct Script {
    weight: usize,
    language: &'static str,
    family_first: bool,
    given: &'static [(&'static str, &'static str)],
    family: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const SCRIPTS: [Script; 11] = [
    Script {
        weight: 36, language: "en", family_first: false,
        given: &[("Barbara", "barbara"), ("James", "james"), ("Olivia", "olivia"), ("Noah", "noah"), ("Grace", "grace"), ("Samuel", "samuel"), ("Ruth", "ruth"), ("Peter", "peter"), ("Joan", "joan"), ("Mary-Ann", "mary-ann")],
        family: &[("Jensen", "jensen"), ("Smith", "smith"), ("O’Neill", "oneill"), ("Baker", "baker"), ("Clarke", "clarke"), ("Hughes", "hughes"), ("Wright", "wright"), ("Lee", "lee"), ("Shaw", "shaw"), ("Fitz-Gerald", "fitz-gerald")],
    },
    Script {
        weight: 10, language: "de", family_first: false,
        given: &[("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Lukas", "lukas"), ("Anneliese", "anneliese"), ("Sören", "soeren"), ("Heike", "heike")],
        family: &[("Müller", "mueller"), ("Weiß", "weiss"), ("Schröder", "schroeder"), ("von der Heide", "vonderheide"), ("Krüger", "krueger"), ("Böhm", "boehm")],
    },
    Script {
        weight: 7, language: "pl", family_first: false,
        given: &[("Łukasz", "lukasz"), ("Zofia", "zofia"), ("Wojciech", "wojciech"), ("Małgorzata", "malgorzata"), ("Jakub", "jakub")],
        family: &[("Wiśniewski", "wisniewski"), ("Dąbrowska", "dabrowska"), ("Zieliński", "zielinski"), ("Wójcik", "wojcik"), ("Kaźmierczak", "kazmierczak")],
    },
    Script {
        weight: 7, language: "tr", family_first: false,
        given: &[("Işıl", "isil"), ("Ömer", "omer"), ("İbrahim", "ibrahim"), ("Çağla", "cagla"), ("Gül", "gul")],
        family: &[("Yıldız", "yildiz"), ("Öztürk", "ozturk"), ("Şahin", "sahin"), ("Güneş", "gunes"), ("Kılıç", "kilic")],
    },
    Script {
        weight: 6, language: "vi", family_first: false,
        given: &[("Nguyệt", "nguyet"), ("Đức", "duc"), ("Thảo", "thao"), ("Hằng", "hang"), ("Tuấn", "tuan")],
        family: &[("Nguyễn", "nguyen"), ("Trần", "tran"), ("Lê", "le"), ("Phạm", "pham"), ("Đặng", "dang")],
    },
    Script {
        weight: 6, language: "uk", family_first: false,
        given: &[("Олена", "olena"), ("Андрій", "andrii"), ("Ганна", "hanna"), ("Їлія", "yiliia"), ("Сергій", "serhii")],
        family: &[("Шевченко", "shevchenko"), ("Коваленко", "kovalenko"), ("Бондаренко", "bondarenko"), ("Ткачук", "tkachuk"), ("Мельник", "melnyk")],
    },
    Script {
        weight: 4, language: "el", family_first: false,
        given: &[("Ελένη", "eleni"), ("Γιώργος", "giorgos"), ("Σοφία", "sofia"), ("Νίκος", "nikos")],
        family: &[("Παπαδόπουλος", "papadopoulos"), ("Γεωργίου", "georgiou"), ("Οικονόμου", "oikonomou"), ("Βλάχος", "vlachos")],
    },
    Script {
        weight: 6, language: "ar", family_first: false,
        given: &[("فاطمة", "fatima"), ("محمد", "mohammed"), ("ليلى", "layla"), ("يوسف", "yousef")],
        family: &[("الحسن", "alhassan"), ("المصري", "almasri"), ("حداد", "haddad"), ("العلي", "alali")],
    },
    Script {
        weight: 6, language: "hi", family_first: false,
        given: &[("आरव", "aarav"), ("प्रिया", "priya"), ("राहुल", "rahul"), ("अनन्या", "ananya")],
        family: &[("शर्मा", "sharma"), ("पटेल", "patel"), ("गुप्ता", "gupta"), ("सिंह", "singh")],
    },
    Script {
        weight: 6, language: "ja", family_first: true,
        given: &[("花子", "hanako"), ("健太", "kenta"), ("さくら", "sakura"), ("蓮", "ren")],
        family: &[("山田", "yamada"), ("佐藤", "sato"), ("髙橋", "takahashi"), ("渡邉", "watanabe")],
    },
    Script {
        weight: 6, language: "ko", family_first: true,
        given: &[("민준", "minjun"), ("서연", "seoyeon"), ("지우", "jiwoo"), ("하은", "haeun")],
        family: &[("김", "kim"), ("이", "lee"), ("박", "park"), ("최", "choi")],
    },
];

/// Departments with their share of the people and the titles in them.
#[rustfmt::skip]
const DEPARTMENTS: [(&str, usize, &[&str]); 10] = [
    ("Operations", 30, &["Operator", "Shift Lead", "Dispatcher", "Technician"]),
    ("Sales", 18, &["Account Executive", "Sales Engineer", "Inside Sales"]),
    ("Engineering", 16, &["Engineer", "Senior Engineer", "Architect", "Tester"]),
    ("Customer Support", 12, &["Support Agent", "Support Specialist"]),
    ("Tours", 8, &["Tour Guide", "Driver"]),
    ("Finance", 6, &["Accountant", "Controller"]),
    ("Marketing", 4, &["Designer", "Editor"]),
    ("Human Resources", 3, &["Recruiter", "Payroll Clerk"]),
    ("Facilities & Security", 2, &["Guard", "Caretaker"]),
    ("Legal", 1, &["Counsel"]),
];

/// What groups are for.
const PURPOSES: [&str; 6] = ["Team", "Project", "Managers", "Readers", "On Call", "Door Access"];

/// Places with their country and time zone.
const SITES: [(&str, &str, &str); 8] = [
    ("San Mateo", "US", "America/Los_Angeles"),
    ("Austin", "US", "America/Chicago"),
    ("London", "GB", "Europe/London"),
    ("Kraków", "PL", "Europe/Warsaw"),
    ("München", "DE", "Europe/Berlin"),
    ("İstanbul", "TR", "Europe/Istanbul"),
    ("東京", "JP", "Asia/Tokyo"),
    ("서울", "KR", "Asia/Seoul"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use keyfob_core::{Dialect, Registry, Resource, validate::Reader};

    use super::*;

    const SIZES: [usize; 6] = [0, 1, 2, 24, 1_000, 5_000];

    #[test]
    fn a_seed_and_a_size_give_one_organization_and_another_seed_another() {
        let texts = |seed, size| {
            let organization = Organization::new(seed, size);
            let resources = organization.users().chain(organization.groups());
            resources.map(|resource| resource.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(texts(1, 500), texts(1, 500));
        let (one, other) = (texts(1, 500), texts(2, 500));
        assert_eq!(one.len(), other.len());
        let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert_eq!(same, 0);
    }

    #[test]
    fn every_resource_is_canonical_for_the_registry() {
        for size in SIZES {
            let organization = Organization::new(size as u64, size);
            for (kind, value) in organization
                .users()
                .map(|user| ("User", user))
                .chain(organization.groups().map(|group| ("Group", group)))
            {
                let resource_type = Registry::verkada().resource_type(kind).unwrap();
                let resource = Resource::from_json(value.to_string().as_bytes(), resource_type).unwrap();
                let mut reader = Reader::new(Dialect::strict());
                reader.create(resource, resource_type).unwrap();
                let ignored: Vec<_> = reader
                    .ignored()
                    .iter()
                    .map(|ignored| ignored.attribute.as_str())
                    .collect();
                assert_eq!(ignored, ["id"], "{value}");
            }
        }
    }

    #[test]
    fn names_addresses_ids_and_cards_are_unique() {
        for size in SIZES {
            let organization = Organization::new(7, size);
            let unique = |pointer: &str| {
                let mut seen = HashSet::new();
                let resources = organization.users().chain(organization.groups());
                for value in resources.filter_map(|resource| resource.pointer(pointer).cloned()) {
                    assert!(seen.insert(value.to_string()), "{pointer} {value}");
                }
            };
            for pointer in [
                "/id",
                "/externalId",
                "/userName",
                "/emails/0/value",
                "/phoneNumbers/0/value",
            ] {
                unique(pointer);
            }
            let card = |user: Value| user.get(ACCESS).cloned().map(|card| card.to_string());
            let cards: Vec<String> = organization.users().filter_map(card).collect();
            assert_eq!(cards.iter().collect::<HashSet<_>>().len(), cards.len());
            let named: HashSet<String> = organization
                .groups()
                .map(|group| group["displayName"].to_string())
                .collect();
            assert_eq!(named.len(), organization.group_count());
        }
    }

    #[test]
    fn numbers_far_apart_are_still_unique() {
        let organization = Organization::new(7, 10_000_000);
        let numbers = (0..20_000).chain(9_980_000..10_000_000);
        let mut seen = HashSet::new();
        for number in numbers {
            assert!(seen.insert(organization.uuid(2, number)));
            assert!(seen.insert(organization.user_id(number)));
        }
    }

    #[test]
    fn few_groups_are_huge_and_many_are_small() {
        let organization = Organization::new(7, 5_000);
        let sizes: Vec<usize> = organization
            .groups()
            .map(|group| group["members"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes[0], 5_000);
        assert!(sizes.is_sorted_by(|left, right| left >= right));
        let small = sizes.iter().filter(|size| **size < 50).count();
        assert!(small * 10 > sizes.len() * 7, "{small} of {}", sizes.len());
        let memberships: usize = sizes.iter().sum();
        assert!((3 * 5_000..8 * 5_000).contains(&memberships), "{memberships}");
        for (rank, size) in sizes.into_iter().enumerate() {
            let members: HashSet<usize> = organization.members(rank).collect();
            assert_eq!(members.len(), size, "nobody is in a group twice");
            assert!(members.iter().all(|number| *number < 5_000));
        }
    }

    #[test]
    fn everybody_but_the_first_has_a_manager_who_comes_before() {
        let organization = Organization::new(7, 1_000);
        let manager = format!("/{ENTERPRISE}/manager/value");
        let mut known = HashSet::new();
        for (number, user) in organization.users().enumerate() {
            let manager = user.pointer(&manager).and_then(Value::as_str);
            assert_eq!(manager.is_some(), number > 0);
            assert!(manager.is_none_or(|id| known.contains(id)), "{number}");
            known.insert(user["id"].as_str().unwrap().to_owned());
        }
    }

    #[test]
    fn names_are_of_several_scripts() {
        let organization = Organization::new(7, 1_000);
        let texts: String = organization
            .users()
            .map(|user| user["displayName"].as_str().unwrap().to_owned())
            .collect();
        for (script, range) in [
            ("Greek", '\u{370}'..='\u{3ff}'),
            ("Cyrillic", '\u{400}'..='\u{4ff}'),
            ("Arabic", '\u{600}'..='\u{6ff}'),
            ("Devanagari", '\u{900}'..='\u{97f}'),
            ("Han", '\u{4e00}'..='\u{9fff}'),
            ("Hangul", '\u{ac00}'..='\u{d7a3}'),
        ] {
            assert!(
                texts.chars().any(|character| range.contains(&character)),
                "{script}"
            );
        }
    }
}
