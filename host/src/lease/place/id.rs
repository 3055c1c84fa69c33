//! The immutable id of a place, as it stands in a claim: the machine, the work root, a random number, the folder. The
//! host makes it up, and no provider's answer changes it.

use crate::claims::{Claim, PLACE};
use crabbox_wire::place::Place;

/// As an id. `None`: it can't be one, since its parts couldn't be told apart.
pub(super) fn to_text(place: &Place) -> Option<String> {
    let Place { machine_id, root, folder, nonce } = place;
    let folder = str::from_utf8(&folder.0).ok()?;
    let text = format!("{PLACE}{machine_id}:{root}:{nonce}:{folder}");
    (parse(&text).as_ref() == Some(place)).then_some(text)
}

/// What an id says. `None`: it isn't a place's.
fn parse(text: &str) -> Option<Place> {
    let mut parts = text.strip_prefix(PLACE)?.splitn(4, ':');
    let mut next = || parts.next().map(str::to_owned);
    let (machine_id, root, nonce) = (next()?, next()?, next()?);
    let folder = next()?;
    let is_whole = !root.is_empty() && !nonce.is_empty() && folder.starts_with('/');
    let text = !text.contains(char::is_control);
    (is_whole && text).then(|| Place { machine_id, root, folder: folder.into(), nonce })
}

/// The place of a claim: the one that it has, or was about to take.
pub(in super::super) fn of_claim(claim: &Claim) -> Option<Place> {
    let made = claim.made()?;
    parse(&made.id.or(made.planned)?)
}

/// The folder of the claim's place, if its box is one.
#[must_use]
pub fn place_folder(claim: &Claim) -> Option<String> {
    of_claim(claim).map(|place| place.folder.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_was_made_of_or_is_none() {
        let place = |machine: &str, folder: &str| Place {
            machine_id: machine.to_owned(),
            root: "r".to_owned(),
            folder: folder.into(),
            nonce: "n".to_owned(),
        };
        for good in [place("m", "/home/a:b/cbx_1"), place("", "/x")] {
            let text = to_text(&good).expect("an id");
            assert_eq!(parse(&text), Some(good));
        }
        assert_eq!(to_text(&place("a:b", "/x")), None);
        assert_eq!(to_text(&place("m", "x")), None);
        for bad in ["", "place", "place:m:r:n:", "place:m::n:/x", "box:m:r:n:/x", "place:m:r:n:/\n"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
