package rerating

import (
	"math"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// Rate rates the scope of a book again and calls each for every settlement and every
// end of a window that would stand otherwise, in business order; an error of each ends
// it. The same log and terms give the same changes. What cannot be rated is a fault of
// the summary, not an error.
func Rate(scope Scope, log Log, terms Terms, each func(*Change) error) (*Summary, error) {
	if err := scope.Check(); err != nil {
		return nil, err
	}
	s := newSurvey(&scope)
	revision := uint64(0)
	for event, err := range log.All() {
		if err == nil {
			err = s.add(revision, event)
		}
		if err != nil {
			return nil, err
		}
		revision++
	}
	s.order()
	r := &rater{scope: &scope, survey: s, log: log, terms: terms, sums: sums{}, standing: map[uint64]*standing{}, carried: map[uint64][]fee.Count{}, totals: totals{}, summary: &Summary{}}
	if err := r.sums.open(&scope, s, log); err != nil {
		return nil, err
	}
	for _, v := range s.visits {
		if err := r.visit(v, each); err != nil {
			return nil, err
		}
	}
	var err error
	r.summary.Parties, err = r.totals.list()
	return r.summary, err
}

// rater is one re-rating.
type rater struct {
	scope    *Scope
	survey   *survey
	log      Log
	terms    Terms
	sums     sums
	standing map[uint64]*standing // whose refunds are still to come
	totals   totals
	summary  *Summary
	at       uint64                 // revision of the settlement that is rated
	carried  map[uint64][]fee.Count // by closings that were computed again
	room     fee.Room
}

// standing is a settlement as it stands, or as it would after this re-rating.
type standing struct {
	book.TransactionSettled
	counts  []fee.Count // what it makes of accumulators in business order
	by      uint64      // revision of the settlement or restatement that says so
	version *Version    // that rated it, where it was rated here
}

func (r *rater) visit(v visit, each func(*Change) error) error {
	switch v.how {
	case closes:
		return r.close(v.revision, each)
	case carries:
		made, again := r.carried[v.revision]
		if !again {
			closed, err := r.window(v.revision)
			if err != nil {
				return err
			}
			made = closed.Counts
		}
		return r.sums.add(made)
	}
	settled, stands, err := r.read(v.revision)
	if err != nil {
		return err
	}
	if v.how == counts {
		return r.sums.add(stands.counts)
	}
	r.summary.Rated++
	r.at = v.revision
	change, after, err := r.compare(v, settled, stands)
	if err != nil {
		if !faulty(err) {
			return err
		}
		r.fault(settled.Key, v.revision, err)
		change, after = nil, stands
	}
	if v.how == rates {
		if err := r.sums.add(after.counts); err != nil {
			return err
		}
	}
	if settled.Original != nil {
		if left := r.survey.refunds[settled.Original.Revision] - 1; left > 0 {
			r.survey.refunds[settled.Original.Revision] = left
		} else {
			delete(r.standing, settled.Original.Revision)
		}
	}
	if r.survey.refunds[v.revision] > 0 {
		if change == nil {
			stands.counts = nil
			after = stands // as it is told: nothing is posted for it
		}
		r.standing[v.revision] = after
	}
	if change == nil {
		return nil
	}
	r.summary.Changed++
	if change.ByHand {
		r.summary.ByHand++
	}
	return each(change)
}

// faulty tells what a settlement's own terms say from what makes all of it wrong.
func faulty(err error) bool {
	if err == nil {
		return false
	}
	switch domain.CodeOf(err) {
	case "", domain.CodeInternal, domain.CodeUnavailable, domain.CodeMalformed:
		return false
	}
	return true
}

func (r *rater) fault(key book.Key, revision uint64, err error) {
	r.summary.Failed++
	if len(r.summary.Faults) < MostFaults {
		r.summary.Faults = append(r.summary.Faults, Fault{key, revision, err})
	}
}

// read gives a settlement as it was settled and as it stands.
func (r *rater) read(revision uint64) (*book.TransactionSettled, *standing, error) {
	return r.readBefore(revision, math.MaxUint64)
}

// readBefore gives a settlement as it was settled and as it stood before a revision.
func (r *rater) readBefore(revision, before uint64) (*book.TransactionSettled, *standing, error) {
	event, err := r.log.At(revision)
	if err != nil {
		return nil, nil, err
	}
	settled, is := event.(book.TransactionSettled)
	if !is {
		return nil, nil, moved(revision)
	}
	for by := r.survey.restated[revision]; by > revision; {
		if event, err = r.log.At(by); err != nil {
			return nil, nil, err
		}
		adjustment, is := event.(book.AdjustmentPosted)
		if !is || adjustment.Restates == nil || adjustment.Restates.Replaces >= by {
			return nil, nil, moved(by)
		}
		if by < before {
			return &settled, &standing{TransactionSettled: *book.Restated(&settled, &adjustment), counts: adjustment.Restates.Counts, by: by}, nil
		}
		by = adjustment.Restates.Replaces
	}
	return &settled, &standing{TransactionSettled: settled, counts: settled.Counts, by: revision}, nil
}

func moved(revision uint64) error {
	return &domain.Error{Code: domain.CodeInternal, Field: "revision", Value: strconv.FormatUint(revision, 10), Message: "the book has another event at this revision than before"}
}

// compare rates a settlement again. change is nil where the money stays as it is;
// after is how the settlement stands then.
func (r *rater) compare(v visit, settled *book.TransactionSettled, stands *standing) (*Change, *standing, error) {
	after := *stands
	version, original, err := r.version(&after)
	if err != nil {
		return nil, nil, err
	}
	in := after.Input(original)
	in.Calendar = r.terms.Calendar
	if v.how == rates {
		in.Before = r.sums.before
	} else {
		in.Before = r.sums.recorded(in.Before)
	}
	result, err := version.ApplyIn(&r.room, in)
	if err != nil {
		return nil, nil, err
	}
	before, err := recorded(stands.Postings, stands.Holds)
	if err != nil {
		return nil, nil, err
	}
	rated, err := posted(&after.TransactionSettled, version, &result)
	if err != nil {
		return nil, nil, err
	}
	was, err := r.was(stands, before, rated)
	if err != nil {
		return nil, nil, err
	}
	legs, err := difference(before, was, rated, r.survey.businessDate)
	if err != nil {
		return nil, nil, err
	}
	after.counts = result.Counts
	if len(legs) == 0 {
		return nil, &after, r.totals.add(before, before)
	}
	if err := r.totals.add(before, rated); err != nil {
		return nil, nil, err
	}
	sum, err := before.with(legs)
	if err != nil {
		return nil, nil, err
	}
	document := version.Document()
	after.version = &version
	after.Schedule, after.Version, after.Engine = document.Schedule, document.Version, result.Engine
	after.ContractRevision, after.ScheduleRevision = version.ContractRevision, version.ScheduleRevision
	after.Explanation, after.Conversions = result.Lines, result.Conversions
	if after.Explanation == nil {
		after.Explanation = []fee.Line{}
	}
	after.Postings, after.Holds = sum.postings(), sum.changes()
	return &Change{
		Transaction: *settled, Revision: v.revision, Legs: legs, ByHand: r.survey.byHand[v.revision],
		Restates: book.Restatement{
			Replaces: stands.by, Refunded: r.survey.refunded[v.revision].In(settled.Currency),
			Contract: after.Contract, ContractRevision: after.ContractRevision,
			Schedule: after.Schedule, ScheduleRevision: after.ScheduleRevision, Version: after.Version, Engine: after.Engine,
			Parties: after.Parties, Counts: after.counts, Conversions: after.Conversions, Explanation: after.Explanation,
			Postings: after.Postings, Holds: after.Holds,
		},
	}, &after, nil
}

// was says what a settlement did to slices: see entry.was. What cannot be rated again
// by the version that stands is left where it is.
func (r *rater) was(stands *standing, before, rated entry) (entry, error) {
	restated := stands.by != r.at
	if !restated && !before.takes() && !rated.takes() || len(before.holds) == 0 && len(rated.holds) == 0 {
		return before, nil
	}
	meant, err := r.again(stands)
	switch {
	case faulty(err):
		return rated, nil
	case err != nil || restated:
		return meant, err
	}
	return before.was(meant, rated), nil
}

// again is the entry that the version which stands gives for a settlement, with the
// original as it stood then and the sums that it found.
func (r *rater) again(stands *standing) (entry, error) {
	version, err := r.terms.Published(stands.Contract, stands.Schedule, stands.Version)
	if err != nil {
		return entry{}, err
	}
	var original *book.TransactionSettled
	if stands.Original != nil {
		_, found, err := r.readBefore(stands.Original.Revision, stands.by)
		if err != nil {
			return entry{}, err
		}
		original = &found.TransactionSettled
	}
	found := stands.TransactionSettled
	found.Counts = stands.counts
	in := found.Input(original)
	in.Calendar = r.terms.Calendar
	result, err := version.ApplyIn(&r.room, in)
	if err != nil {
		return entry{}, err
	}
	return posted(&found, version, &result)
}

// version finds what a settlement is rated by: as its original stands, where the
// second engine rated that one, and else by the present terms. It gives the
// settlement the contract and the parties of such an original.
func (r *rater) version(e *standing) (Version, *book.TransactionSettled, error) {
	if e.Original == nil {
		version, err := r.terms.Present(e.Contract, e.EffectiveOn)
		return version, nil, err
	}
	original := r.standing[e.Original.Revision]
	if original == nil {
		var err error
		if _, original, err = r.read(e.Original.Revision); err != nil {
			return Version{}, nil, err
		}
	}
	if original.Engine <= fee.Engine1 {
		version, err := r.terms.Present(e.Contract, e.EffectiveOn)
		return version, nil, err
	}
	e.Contract, e.Parties = original.Contract, original.Parties
	if original.version != nil {
		return *original.version, &original.TransactionSettled, nil
	}
	version, err := r.terms.Published(original.Contract, original.Schedule, original.Version)
	version.ContractRevision, version.ScheduleRevision = original.ContractRevision, original.ScheduleRevision
	return version, &original.TransactionSettled, err
}
