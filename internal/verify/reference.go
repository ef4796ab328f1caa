package verify

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// party is what the events of a party say.
type party struct {
	id, kind, country string
	personal          string // the sealed envelope as JSON, "" where there is none
}

func (f *fold) decodeParty(e *event) error {
	s := &f.scan
	e.party = party{}
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "party":
			e.party.id, err = f.word()
		case "kind":
			e.party.kind, err = f.word()
		case "country":
			e.party.country, err = f.word()
		case "personal":
			var raw []byte
			if raw, err = s.raw(); err == nil && string(raw) != "null" {
				e.party.personal = string(raw)
			}
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) partyEvent(e *event) error {
	if err := f.readable(e, f.decodeParty(e)); err != nil {
		return err
	}
	if err := f.named(e, "party", e.party.id); err != nil {
		return err
	}
	if first := e.kind == typePartyRegistered; first != (e.revision == 0) {
		return e.differs(checkReferences, "a party is registered once, before anything else", e.kind)
	} else if first {
		f.registered[e.party.id] = true
		f.counts.Parties++
	}
	return nil
}

// terms is a contract as of one of its events.
type terms struct {
	id, book, schedule string
	from, until        string
	parties            []role
	parameters         []attribute // in the place of those of the schedule
}

func (f *fold) decodeTerms(e *event) error {
	s := &f.scan
	e.terms = terms{}
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "contract":
			e.terms.id, err = f.word()
		case "book":
			e.terms.book, err = f.word()
		case "schedule":
			e.terms.schedule, err = f.word()
		case "from":
			e.terms.from, err = f.date()
		case "until":
			e.terms.until, err = f.date()
		case "parties":
			e.terms.parties, err = f.roles(nil)
		case "parameters":
			e.terms.parameters, err = f.decodeTexts(nil)
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) contractEvent(e *event) error {
	if err := f.readable(e, f.decodeTerms(e)); err != nil {
		return err
	}
	if err := f.named(e, "contract", e.terms.id); err != nil {
		return err
	}
	if e.kind == typeContractSigned {
		if e.revision != 0 {
			return e.differs(checkReferences, "a contract is signed once, before anything else", e.kind)
		}
		if f.length("schedule-"+e.terms.schedule) == 0 {
			return e.differs(checkReferences, "a schedule published before", "schedule "+strconv.Quote(e.terms.schedule))
		}
		for _, r := range e.terms.parties {
			if f.length("party-"+r.party) == 0 {
				return e.differs(checkReferences, "a party registered before", "party "+strconv.Quote(r.party)+" as "+r.role)
			}
		}
		e.stream.contract = []terms{e.terms}
		f.counts.Contracts++
		return nil
	}
	if e.revision == 0 {
		return e.differs(checkReferences, "a contract that was signed before it ends", e.kind)
	}
	earlier := e.stream.contract
	now := earlier[len(earlier)-1]
	now.until = e.terms.until
	e.stream.contract = append(earlier, now)
	return nil
}

// document is one version of a schedule.
type document struct {
	id            string
	version       uint64
	effectiveFrom string
	program       *program
}

func (f *fold) decodeDocument(e *event) error {
	s := &f.scan
	e.document = document{program: &program{}}
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "schedule":
			e.document.id, err = f.word()
		case "version":
			e.document.version, err = s.natural()
		case "effective_from":
			e.document.effectiveFrom, err = f.date()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = f.decodeProgram(key, e.document.program)
		}
		return err
	})
}

func (f *fold) scheduleEvent(e *event) error {
	if err := f.readable(e, f.decodeDocument(e)); err != nil {
		return err
	}
	if err := f.named(e, "schedule", e.document.id); err != nil {
		return err
	}
	if e.document.version != e.revision+1 {
		return e.differs(checkReferences, "version "+strconv.FormatUint(e.revision+1, 10), "version "+strconv.FormatUint(e.document.version, 10))
	}
	versions := e.stream.schedule
	if n := len(versions); n > 0 && e.document.effectiveFrom < versions[n-1].effectiveFrom {
		return e.differs(checkReferences, "effective no earlier than "+versions[n-1].effectiveFrom, e.document.effectiveFrom)
	}
	e.stream.schedule = append(versions, e.document)
	f.counts.Schedules++
	return nil
}

// applied is what a settlement was rated by.
type applied struct {
	terms   *terms
	program *program
}

// silent is the program of a schedule that says nothing.
var silent = &program{}

// checkTermsOf compares a settlement with the contract and the schedule that it
// says it used, as they were at the revisions it names.
func (f *fold) checkTermsOf(e *event, b *book) (by applied, err error) {
	n := &e.entry
	for _, u := range n.uses {
		if u.stream == nil || u.revision >= u.stream.length {
			return by, e.differs(checkReferences, "events of the log before this one", "use of "+u.name+"@"+strconv.FormatUint(u.revision, 10)+", of which there are "+strconv.FormatUint(f.length(u.name), 10))
		}
	}
	used, ok := n.used("contract", n.contract)
	if !ok {
		return by, e.differs(checkReferences, "the revision of contract "+strconv.Quote(n.contract)+" among those used", n.listUses())
	}
	contract := &used.stream.contract[used.revision]
	as := f.ratedAs(e, b)
	inForce := as || contract.from <= n.effectiveOn && (contract.until == "" || n.effectiveOn < contract.until)
	if contract.book != b.id || contract.schedule != n.schedule || !inForce {
		return by, e.differs(checkTerms, "book "+b.id+", schedule "+n.schedule+" and a term that covers "+n.effectiveOn,
			"contract "+n.contract+" of book "+contract.book+" with schedule "+contract.schedule+" from "+contract.from+" until "+orOpen(contract.until))
	}
	used, ok = n.used("schedule", n.schedule)
	if !ok {
		return by, e.differs(checkReferences, "the revision of schedule "+strconv.Quote(n.schedule)+" among those used", n.listUses())
	}
	by.terms, by.program = contract, silent
	right := uint64(0)
	for i := range used.stream.schedule[:used.revision+1] {
		if v := &used.stream.schedule[i]; v.effectiveFrom <= n.effectiveOn {
			right = v.version
		}
	}
	if as && n.version > 0 && n.version <= used.revision+1 {
		right = n.version
	}
	if right != n.version {
		return by, e.differs(checkTerms, "version "+strconv.FormatUint(right, 10)+" of schedule "+n.schedule+" on "+n.effectiveOn, "version "+strconv.FormatUint(n.version, 10))
	}
	if right > 0 {
		by.program = used.stream.schedule[right-1].program
	}
	return by, nil
}

func orOpen(until string) string {
	if until == "" {
		return "further notice"
	}
	return until
}

// used finds what a settlement used of a stream.
func (n *entry) used(category, id string) (*use, bool) {
	for i := range n.uses {
		if u := &n.uses[i]; u.stream.category == category && u.stream.id == id {
			return u, true
		}
	}
	return nil, false
}

func (n *entry) listUses() string {
	names := make(map[string]bool, len(n.uses))
	for _, u := range n.uses {
		names[u.name] = true
	}
	return "use of " + orNothing(strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
