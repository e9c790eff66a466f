//! Names of people, banks, cities and social statuses, as far as the services and their documents must agree on them.

/// The marks that a name may have besides letters, digits, spaces and dashes: those that occur in names of people, places and
/// companies, and none that only markup, formulas or paths need.
pub const NAME_MARKS: &str = "'’‘ʼʻ՚.,&()/+#!·‧•・׳״…\"«»„“”（）＆";
