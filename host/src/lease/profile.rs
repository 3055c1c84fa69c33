//! Was a box leased under the settings that hold now?

/// `claimed`: from the claim; `wanted`: of the settings that hold. A claim of an older version has
/// no digest, or one that was made in another way: nothing speaks against its box. The same goes for a
/// provider that isn't here, since its manifest says which settings count.
pub(super) fn fits(claimed: &str, wanted: Option<&str>) -> bool {
    match (claimed.split_once(':'), wanted.and_then(|wanted| wanted.split_once(':'))) {
        (Some((way, claimed)), Some((same_way, wanted))) if way == same_way => claimed == wanted,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_without_a_digest_of_this_kind_fits() {
        assert!(fits("1:aa", Some("1:aa")));
        assert!(!fits("1:aa", Some("1:bb")));
        for (claimed, wanted) in [
            ("", Some("1:aa")),
            ("0123456789abcdef", Some("1:aa")),
            ("2:aa", Some("1:bb")),
            ("1:aa", None),
        ] {
            assert!(fits(claimed, wanted), "{claimed} {wanted:?}");
        }
    }
}
