//! Ids, slugs, the names of resources, and that of a workspace.

use crate::claims::LeaseId;
use crabbox_provider_api::manifest::Names;
use crabbox_wire::tree::Hash;
use std::borrow::Cow;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const COLOURS: [&str; 32] = [
    "amber", "azure", "beige", "black", "blue", "bronze", "brown", "copper", "coral", "cream",
    "crimson", "cyan", "golden", "green", "grey", "indigo", "ivory", "jade", "lilac", "lime",
    "maroon", "mauve", "olive", "orange", "pink", "plum", "purple", "red", "silver", "teal",
    "violet", "white",
];

const ANIMALS: [&str; 32] = [
    "barnacle", "clam", "cod", "conch", "crab", "cuttle", "dolphin", "eel", "gull", "heron",
    "krill", "limpet", "lobster", "manta", "marlin", "mussel", "narwhal", "octopus", "otter",
    "oyster", "pelican", "penguin", "prawn", "puffin", "ray", "seal", "shrimp", "squid", "tern",
    "turtle", "urchin", "whale",
];

/// 64 bits from the operating system.
///
/// # Panics
///
/// On a machine whose kernel has none to give.
#[must_use]
pub fn random_bits() -> u64 {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("the kernel's random numbers are there from early boot on");
    u64::from_ne_bytes(bytes)
}

/// A slug such as `amber-crab`; from the `try`-th on with a number, since a thousand names run out.
pub(super) fn slug(bits: u64, tried: usize) -> String {
    let word = |words: &[&'static str; 32], bits: u64| words[(bits % 32) as usize];
    let name = format!("{}-{}", word(&COLOURS, bits), word(&ANIMALS, bits >> 8));
    if tried < 3 { name } else { format!("{name}-{}", (bits >> 16) % 1000) }
}

/// The name of a lease's resource: the prefix, the slug as far as there is room for it, and the digits
/// of the lease id, which no other lease has. A name that is reserved has those of a hash instead. The
/// same each time for the same lease, slug and prefix.
pub(super) fn resource_name(rules: &Names, prefix: &str, slug: &str, id: &LeaseId) -> String {
    let separator = rules.alphabet.separator();
    let fixed = prefix.len() + separator.len() + Names::DIGITS;
    let slug = words(slug, separator, usize::from(rules.max).saturating_sub(fixed));
    let begin =
        if slug.is_empty() { prefix.to_owned() } else { format!("{prefix}{slug}{separator}") };
    let hashed = |tried: u32| {
        let hash = Hash::of(format!("{id} {tried}").as_bytes()).to_string();
        Cow::Owned(hash[..Names::DIGITS].to_owned())
    };
    let digits = std::iter::once(Cow::Borrowed(id.digits())).chain((0..).map(hashed));
    let mut names = digits.map(|digits| format!("{begin}{digits}"));
    names.find(|name| !rules.reserved.contains(name)).expect("there is no end of hashes")
}

/// The words of a slug, at most so many bytes of them.
fn words(slug: &str, separator: &str, longest: usize) -> String {
    let is_part = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let words = slug.split(|c: char| !u8::try_from(c).is_ok_and(|byte| is_part(&byte)));
    let mut text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(separator);
    text.truncate(longest);
    text.trim_end_matches('-').to_owned()
}

/// The folder that mirrors this checkout on a box: its name, and 8 hex digits of this
/// machine and the checkout's path, so that two checkouts of one name don't meet.
#[must_use]
pub fn workspace_name(root: &Path) -> Vec<u8> {
    let machine = fs::read("/etc/machine-id").unwrap_or_default();
    let hash = Hash::of(&[machine.as_slice(), b"\0", root.as_os_str().as_bytes()].concat());
    let name = root.file_name().map_or(b"root".as_slice(), OsStrExt::as_bytes);
    // A component holds 255 bytes; a name this long is cut, the digits tell them apart.
    let name = &name[..name.len().min(200)];
    [name, b"-", &hash.to_string().as_bytes()[..8]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::manifest::Alphabet;
    use proptest::prelude::*;

    fn rules() -> impl Strategy<Value = (Names, String)> {
        let alphabet = prop_oneof![Just(Alphabet::Dns), Just(Alphabet::Plain)];
        let rules = (Names::SHORTEST_MAX..100, alphabet).prop_map(|(max, alphabet)| Names {
            max,
            alphabet,
            reserved: Vec::new(),
            prefix: None,
        });
        (rules, "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,5}-?").prop_map(|(rules, text)| {
            let prefix = rules.prefix(&text).unwrap_or_else(|| rules.default_prefix());
            (rules, prefix)
        })
    }

    fn id() -> impl Strategy<Value = LeaseId> {
        any::<u64>().prop_map(LeaseId::from_bits)
    }

    proptest! {
        #[test]
        fn a_name_keeps_to_the_rules_and_holds_the_digits_of_its_lease(
            (rules, prefix) in rules(), slug in ".{0,60}", id in id()
        ) {
            let name = resource_name(&rules, &prefix, &slug, &id);
            prop_assert!(rules.alphabet.holds(&name), "{name}");
            prop_assert!(name.len() <= usize::from(rules.max), "{name}");
            prop_assert!(name.starts_with(&prefix) && name.ends_with(id.digits()), "{name}");
        }

        #[test]
        fn a_slug_is_seen_where_there_is_room(
            slug in "[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,8}){0,3}", id in id()
        ) {
            let rules = Names { max: 99, alphabet: Alphabet::Dns, reserved: Vec::new(), prefix: None };
            let name = resource_name(&rules, "crabbox-", &slug, &id);
            prop_assert_eq!(name, format!("crabbox-{}-{}", slug, id.digits()));
        }

        #[test]
        fn no_two_leases_have_one_name(
            (rules, prefix) in rules(), one in id(), other in id(), slugs in [".{0,60}", ".{0,60}"]
        ) {
            prop_assume!(one != other);
            let name = |id, slug: &String| resource_name(&rules, &prefix, slug, id);
            prop_assert_ne!(name(&one, &slugs[0]), name(&other, &slugs[1]));
        }

        #[test]
        fn a_reserved_name_is_another_one_that_keeps_to_the_rules(
            (mut rules, prefix) in rules(), slug in ".{0,60}", one in id(), other in id(), count in 1..5
        ) {
            for _ in 0..count {
                rules.reserved.push(resource_name(&rules, &prefix, &slug, &one));
            }
            let name = resource_name(&rules, &prefix, &slug, &one);
            prop_assert!(!rules.reserved.contains(&name), "{name}");
            prop_assert!(rules.alphabet.holds(&name) && name.len() <= usize::from(rules.max), "{name}");
            prop_assert_eq!(&name, &resource_name(&rules, &prefix, &slug, &one));
            prop_assert!(one == other || name != resource_name(&rules, &prefix, &slug, &other));
        }
    }

    #[test]
    fn checkouts_of_one_name_have_workspaces_of_their_own() {
        let one = workspace_name(Path::new("/a/project"));
        let other = workspace_name(Path::new("/b/project"));
        assert_ne!(one, other);
        assert!(one.starts_with(b"project-"));
        assert_eq!(one.len(), "project-".len() + 8);
    }
}
