package terms

import (
	"errors"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// document is the shape of a terms file. Calendars, schedules and contracts are
// written as the domain defines them.
type document struct {
	Parties   []partyKeys         `yaml:"parties"`
	Calendars []calendar.Document `yaml:"calendars"`
	Schedules []fee.Document      `yaml:"schedules"`
	Contracts []contract.Terms    `yaml:"contracts"`
}

type partyKeys struct {
	Party   string       `yaml:"party"`
	Kind    string       `yaml:"kind"`
	Country string       `yaml:"country"`
	Details *detailsKeys `yaml:"details"`
}

type detailsKeys struct {
	Name    string `yaml:"name"`
	Email   string `yaml:"email"`
	Phone   string `yaml:"phone"`
	Account string `yaml:"account"`
	TaxID   string `yaml:"tax_id"`
}

// Parse reads a terms file; name is what errors call it. The commands register
// the parties, publish the calendars and then the schedules, each by ascending
// version, and sign the contracts. The error is yamldoc.Faults: all that is wrong with the file.
func Parse(name string, text []byte) ([]domain.Command, error) {
	var keys document
	r := reader{doc: yamldoc.Decode(name, text, &keys), keys: &keys}
	commands := slices.Concat(r.parties(), r.calendars(), r.schedules(), r.contracts())
	if err := r.doc.Err(); err != nil {
		return nil, err
	}
	return commands, nil
}

type reader struct {
	doc  *yamldoc.Document
	keys *document
}

func (r *reader) parties() []domain.Command {
	var commands []domain.Command
	seen := map[string]bool{}
	for i, p := range r.keys.Parties {
		path := yamldoc.Index("parties", i)
		command := party.RegisterParty{Party: p.Party, Kind: party.Kind(p.Kind), Country: p.Country}
		if p.Details != nil {
			details := party.Details(*p.Details)
			command.Details = &details
		}
		// The aggregate's own check, on a party that does not exist yet.
		_, _, err := party.Lookup(party.Decider.Initial(), command)
		r.under(path, err)
		if seen[p.Party] {
			r.doc.Fault(path+".party", p.Party, "the party is listed twice", "leave out one")
		}
		seen[p.Party] = true
		commands = append(commands, command)
	}
	return commands
}

func (r *reader) schedules() []domain.Command {
	order := make([]int, len(r.keys.Schedules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return r.keys.Schedules[a].Version - r.keys.Schedules[b].Version })
	var commands []domain.Command
	for _, i := range order {
		document := r.keys.Schedules[i]
		path := yamldoc.Index("schedules", i)
		for _, fault := range readable(r.doc, path, fee.Check(document)) {
			r.under(path, fault)
		}
		for _, earlier := range commands {
			if e := earlier.(schedule.PublishSchedule); e.Schedule == document.Schedule && e.Version == document.Version {
				r.doc.Fault(path+".version", "", "the schedule has this version twice", "count versions up from 1")
			}
		}
		commands = append(commands, schedule.PublishSchedule{Document: document.Published()})
	}
	return commands
}

func (r *reader) contracts() []domain.Command {
	var commands []domain.Command
	seen := map[string]bool{}
	for i, terms := range r.keys.Contracts {
		path := yamldoc.Index("contracts", i)
		command := contract.SignContract{Terms: terms}
		_, _, err := contract.Lookup(contract.Decider.Initial(), command)
		r.under(path, err)
		if terms.Zone != "" {
			if _, err := time.LoadLocation(terms.Zone); err != nil || terms.Zone == "Local" {
				r.doc.Fault(path+".zone", terms.Zone, "unknown time zone", "use an IANA name such as Asia/Seoul or Europe/London")
			}
		}
		if seen[terms.Contract] {
			r.doc.Fault(path+".contract", terms.Contract, "the contract is listed twice", "leave out one")
		}
		seen[terms.Contract] = true
		commands = append(commands, command)
	}
	return commands
}

// under reports err at its own field within path.
func (r *reader) under(path string, err error) {
	if err == nil {
		return
	}
	var e *domain.Error
	if errors.As(err, &e) && e.Field != "" {
		path += "." + e.Field
	}
	r.doc.FaultFrom(path, err)
}
