//! Names of directory entries: the normal form reads back as itself and stands for the same entry.
#![no_main]

use jeton_domain::mapping::dn::DistinguishedName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(name) = DistinguishedName::parse(input) else { return };
    let normal = name.normal();
    let again = DistinguishedName::parse(&normal).expect("a normal form reads back");
    assert_eq!(again.normal(), normal, "it is its own normal form");
    assert!(again == name, "the same entry");
    assert!(!name.is_below(&again), "no entry is below itself");
    let below = DistinguishedName::parse(&format!("cn=x,{normal}"));
    if let (false, Ok(below)) = (normal.is_empty(), below) {
        assert!(below.is_below(&name) && !name.is_below(&below));
    }
});
