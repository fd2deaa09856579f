//! The formats that Verkada's documentation names, and a few that are near to them.

use std::borrow::Cow;

use crate::{
    format::{
        Certainty::{self, Described, Named, Settled, Sized},
        Shape,
    },
    layout::{Field, Layout, Meaning, Other, Parity, Positions},
};

/// A built-in format.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) certainty: Certainty,
    pub(crate) serial_number: bool,
    pub(crate) shape: Shape,
}

// A layout that doesn't fill its word exactly doesn't compile.
const _: () = {
    let mut formats = FORMATS;
    while let [format, rest @ ..] = formats {
        if let Shape::Layout(layout) = &format.shape {
            assert!(layout.check().is_ok(), "a built-in layout is wrong");
        }
        formats = rest;
    }
};

/// The aliases are the names of Verkada's programming interface and what others call the same layout.
pub(crate) static FORMATS: &[BuiltIn] = &[
    programmed(
        "Standard 26-bit Wiegand",
        &["HID", "H10301"],
        Settled,
        layout(
            26,
            Some(field(1, 8)),
            field(9, 24),
            &[],
            &[even(0, span(1, 12)), odd(25, span(13, 24))],
        ),
    ),
    programmed(
        "HID 34-bit",
        &["HID34", "H10306"],
        Settled,
        layout(
            34,
            Some(field(1, 16)),
            field(17, 32),
            &[],
            &[even(0, span(1, 16)), odd(33, span(17, 32))],
        ),
    ),
    programmed(
        "HID 37-bit",
        &["HID37wFacilityCode", "H10304"],
        Settled,
        layout(
            37,
            Some(field(1, 16)),
            field(17, 35),
            &[],
            &[even(0, span(1, 18)), odd(36, span(18, 35))],
        ),
    ),
    programmed(
        "HID 37-bit No Facility Code",
        &["HID37woFacilityCode", "H10302"],
        Settled,
        layout(
            37,
            None,
            field(1, 35),
            &[],
            &[even(0, span(1, 18)), odd(36, span(18, 35))],
        ),
    ),
    programmed(
        "HID Corporate 1000-35",
        &["Corporate1000_35", "C1k35s"],
        Settled,
        layout(
            35,
            Some(field(2, 13)),
            field(14, 33),
            &[],
            &[
                even(
                    1,
                    bits(&[
                        2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26, 27, 29, 30, 32, 33,
                    ]),
                ),
                odd(
                    34,
                    bits(&[
                        1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32,
                    ]),
                ),
                odd(0, span(1, 34)),
            ],
        ),
    ),
    programmed(
        "HID Corporate 1000-48",
        &["Corporate1000_48", "C1k48s", "H2004064"],
        Described,
        layout(
            48,
            Some(field(2, 23)),
            field(24, 46),
            &[],
            &[
                even(
                    1,
                    bits(&[
                        3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22, 24, 25, 27, 28, 30, 31, 33, 34,
                        36, 37, 39, 40, 42, 43, 45, 46,
                    ]),
                ),
                odd(
                    47,
                    bits(&[
                        2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26, 27, 29, 30, 32, 33, 35,
                        36, 38, 39, 41, 42, 44, 45,
                    ]),
                ),
                odd(0, span(1, 47)),
            ],
        ),
    ),
    programmed(
        "HID 33-bit DSX",
        &["HID33DSX", "D10202"],
        Described,
        layout(
            33,
            Some(field(1, 7)),
            field(8, 31),
            &[],
            &[even(0, span(1, 16)), odd(32, span(16, 31))],
        ),
    ),
    programmed(
        "HID 36-bit Keyscan",
        &["HID36Keyscan", "C15001"],
        Described,
        layout(
            36,
            Some(field(11, 18)),
            field(19, 34),
            &[other(1, 10, Meaning::Manufacturer(900))],
            &[even(0, span(1, 17)), odd(35, span(18, 34))],
        ),
    ),
    programmed(
        "HID 36-bit Simplex",
        &["HID36Simplex", "S12906"],
        Described,
        layout(
            36,
            Some(field(1, 8)),
            field(11, 34),
            &[other(9, 10, Meaning::IssueLevel)],
            &[odd(0, span(1, 17)), odd(35, span(17, 34))],
        ),
    ),
    programmed(
        "PointGuard MDI 37-bit",
        &["PointGuardMDI37", "MDI37"],
        Described,
        layout(
            37,
            Some(field(3, 6)),
            field(7, 35),
            &[other(1, 2, Meaning::Fixed(0))],
            &[even(0, span(1, 18)), odd(36, span(18, 35))],
        ),
    ),
    programmed(
        "Kastle 32-bit",
        &["Kastle32", "Kastle"],
        Described,
        layout(
            32,
            Some(field(7, 14)),
            field(15, 30),
            &[other(1, 1, Meaning::Fixed(1)), other(2, 6, Meaning::IssueLevel)],
            &[even(0, span(1, 16)), odd(31, span(14, 30))],
        ),
    ),
    programmed(
        "Guardall G-Prox II 36-bit",
        &["GProxII36", "G-Prox II"],
        Described,
        layout(
            36,
            Some(field(1, 14)),
            field(15, 34),
            &[],
            &[even(0, span(1, 17)), odd(35, span(18, 34))],
        ),
    ),
    programmed(
        "AWID 34-bit",
        &["AWID34"],
        Described,
        layout(
            34,
            Some(field(1, 8)),
            field(9, 32),
            &[],
            &[even(0, span(1, 16)), odd(33, span(17, 32))],
        ),
    ),
    programmed(
        "RBH 50-bit",
        &["RBH50"],
        Described,
        layout(
            50,
            Some(field(1, 16)),
            field(17, 48),
            &[],
            &[even(0, span(1, 24)), odd(49, span(25, 48))],
        ),
    ),
    programmed(
        "Verkada DESFire",
        &["VerkadaDESFire"],
        Described,
        layout(
            40,
            Some(field(1, 10)),
            field(11, 38),
            &[],
            &[even(0, span(1, 10)), even(39, span(11, 38))],
        ),
    ),
    serial_number(
        "MiFare 4-Byte (32 bit) CSN",
        &["MiFareClassic1K_CSN", "MiFareClassic4K_CSN"],
        Settled,
        32,
    ),
    serial_number("DESFire CSN", &["DESFire"], Settled, 56),
    serial_number("IDm 64-bit", &["IDm64bit"], Settled, 64),
    serial_number("HID iClass", &["iClass"], Sized, 64),
    programmed(
        "Casi Rusco 40-Bit",
        &["CasiRusco"],
        Sized,
        layout(
            40,
            None,
            field(1, 38),
            &[
                other(0, 0, Meaning::Unspecified),
                other(39, 39, Meaning::Unspecified),
            ],
            &[],
        ),
    ),
    programmed(
        "HID 33-bit RS2",
        &["HID33RS2", "R901592C"],
        Sized,
        Shape::Bits(33),
    ),
    programmed("HID Infinity 37-bit", &["HIDInfinity37"], Sized, Shape::Bits(37)),
    programmed("DESFire 40X", &[], Named, Shape::Unknown),
    programmed("Third Party DESFire 40X", &[], Named, Shape::Unknown),
    programmed("MDC Custom 64-bit", &[], Named, Shape::Bits(64)),
    programmed("Blackboard 64-bit", &[], Named, Shape::Bits(64)),
    programmed("Cansec 37-bit", &[], Named, Shape::Bits(37)),
    programmed("Securitas 37-bit", &[], Named, Shape::Bits(37)),
    programmed("Andover Controls 37-bit", &[], Named, Shape::Bits(37)),
    programmed("Schlage 37-bit", &["Schlage37x"], Named, Shape::Bits(37)),
    programmed("Schlage 34-bit", &[], Named, Shape::Bits(34)),
    programmed("Continental 36-bit", &[], Named, Shape::Bits(36)),
    programmed("iClass 35-bit", &[], Named, Shape::Bits(35)),
    programmed("AMAG 32-bit", &[], Named, Shape::Bits(32)),
    programmed("HID Ceridian 26-bit", &[], Named, Shape::Bits(26)),
    programmed("Kantech XSF", &["KantechXSF"], Named, Shape::Unknown),
    programmed("Apple Wallet Pass", &[], Named, Shape::Unknown),
    programmed(
        "Credit Card BIN Number",
        &["CreditCardBin"],
        Named,
        Shape::Unknown,
    ),
    programmed("License Plate", &[], Named, Shape::Unknown),
    // What follows Verkada doesn't name.
    programmed(
        "Siemens 36-bit",
        &["Siemens36"],
        Described,
        layout(
            36,
            Some(field(1, 18)),
            field(19, 34),
            &[],
            &[
                even(
                    35,
                    bits(&[
                        1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34,
                    ]),
                ),
                odd(
                    0,
                    bits(&[
                        1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22, 24, 25, 27, 28, 30, 31, 33, 34,
                    ]),
                ),
            ],
        ),
    ),
    programmed(
        "N10002 34-bit",
        &["N10002"],
        Described,
        layout(
            34,
            Some(field(1, 16)),
            field(17, 32),
            &[],
            &[even(0, span(1, 16)), odd(33, span(17, 32))],
        ),
    ),
    programmed(
        "BQT 34-bit",
        &["BQT34"],
        Described,
        layout(
            34,
            Some(field(1, 8)),
            field(9, 32),
            &[],
            &[even(0, span(1, 16)), odd(33, span(17, 32))],
        ),
    ),
    programmed(
        "Honeywell 40-bit",
        &["P10001"],
        Described,
        layout(
            40,
            Some(field(4, 15)),
            field(16, 31),
            &[other(0, 3, Meaning::Fixed(0xF))],
            // The last byte is the exclusive or of the four before it: bit by bit, an even parity.
            &[
                even(32, bits(&[0, 8, 16, 24])),
                even(33, bits(&[1, 9, 17, 25])),
                even(34, bits(&[2, 10, 18, 26])),
                even(35, bits(&[3, 11, 19, 27])),
                even(36, bits(&[4, 12, 20, 28])),
                even(37, bits(&[5, 13, 21, 29])),
                even(38, bits(&[6, 14, 22, 30])),
                even(39, bits(&[7, 15, 23, 31])),
            ],
        ),
    ),
];

/// A format whose number was written onto the card.
const fn programmed(
    name: &'static str,
    aliases: &'static [&'static str],
    certainty: Certainty,
    shape: Shape,
) -> BuiltIn {
    BuiltIn {
        name,
        aliases,
        certainty,
        serial_number: false,
        shape,
    }
}

/// A format that is the serial number of the card's chip and nothing else.
const fn serial_number(
    name: &'static str,
    aliases: &'static [&'static str],
    certainty: Certainty,
    bits: u8,
) -> BuiltIn {
    BuiltIn {
        name,
        aliases,
        certainty,
        serial_number: true,
        shape: layout(bits, None, field(0, bits - 1), &[], &[]),
    }
}

const fn layout(
    bits: u8,
    facility: Option<Field>,
    number: Field,
    others: &'static [Other],
    parities: &'static [Parity],
) -> Shape {
    Shape::Layout(Layout {
        bits,
        facility,
        number,
        others: Cow::Borrowed(others),
        parities: Cow::Borrowed(parities),
    })
}

const fn field(first: u8, last: u8) -> Field {
    Field::new(first, last)
}

const fn other(first: u8, last: u8, meaning: Meaning) -> Other {
    Other {
        field: field(first, last),
        meaning,
    }
}

const fn even(bit: u8, over: Positions) -> Parity {
    Parity {
        bit,
        odd: false,
        over,
    }
}

const fn odd(bit: u8, over: Positions) -> Parity {
    Parity { bit, odd: true, over }
}

const fn span(first: u8, last: u8) -> Positions {
    Positions::span(first, last)
}

const fn bits(bits: &[u8]) -> Positions {
    Positions::of(bits)
}
