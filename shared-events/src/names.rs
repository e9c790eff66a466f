//! Names of people, banks, cities and social statuses, as far as the services and their documents have to agree on them.

/// The marks that a name may have besides letters, digits, spaces and dashes: what names of people, places and companies
/// are written with, and nothing that only markup, formulas or paths need.
pub const NAME_MARKS: &str = "'’‘ʼʻ՚.,&()/+#!·‧•・׳״…\"«»„“”（）＆";
