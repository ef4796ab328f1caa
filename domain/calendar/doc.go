// Package calendar knows which dates are business days, and from them the date
// on which money falls due: business days are data that people publish and
// correct, never code, because holidays are announced a few weeks ahead.
//
// A Document is what they write, Compile checks it, and a Calendar answers. Dates
// carry no zone: a contract reads them in its own. A calendar covers whole years,
// each with its complete list of holidays; a date outside of them is an error,
// because a missing list would otherwise read as a year without holidays.
//
// Published documents are an aggregate, stream "calendar-<id>": versions count from
// 1 and never change. The newest applies to what is decided from then on; what has
// been decided keeps the dates that it was given, and a refund is dated as its sale
// was.
//
// ValueDate is the small grammar of due dates that a fee schedule's `hold`
// embeds. It needs no calendar while it counts days of any kind.
//
// Nothing here knows money, parties or time zones. To add a way of counting, add
// its field to ValueDate, its check, and its case in ValueDate.count.
package calendar
