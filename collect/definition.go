package collect

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/collect/expression"
	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/collect/format/csv"
	"github.com/jeongsan/jeongsan/collect/format/ndjson"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// Definition is a source as a definition file declares it, checked and compiled.
// It is immutable and safe for concurrent use.
type Definition struct {
	// Source is the id of the source.
	Source      string
	Description string
	// Text is the YAML it was read from, which the log keeps.
	Text string

	format   opener
	language *expression.Language
	identity identity
	volatile []string
	mapping  mapping
	ignore   []ignoreRule
	policy   book.Policy
	register map[string]party.Kind // role → kind; nil where unknown parties are quarantined
	roles    []string              // of mapping.parties, sorted
	names    []string              // of mapping.attributes, sorted
}

// longestDefinition is what the log takes in one event.
const longestDefinition = 256 << 10

// opener is what the options of every format can do.
type opener interface {
	Check(fault func(key, value, message, remedy string))
	Open(source io.Reader) (format.Reader, error)
}

// document is the shape of a definition file.
type document struct {
	Source      string           `yaml:"source"`
	Description string           `yaml:"description"`
	Format      formatKeys       `yaml:"format"`
	Identity    identityKeys     `yaml:"identity"`
	Volatile    []string         `yaml:"volatile"`
	Transaction transactionKeys  `yaml:"transaction"`
	Ignore      []ignoreRuleKeys `yaml:"ignore"`
	Policy      policyKeys       `yaml:"policy"`
}

// formatKeys holds one pointer per format; a new format is one more line here
// and in list.
type formatKeys struct {
	Encoding string          `yaml:"encoding"`
	CSV      *csv.Options    `yaml:"csv"`
	NDJSON   *ndjson.Options `yaml:"ndjson"`
}

func (f *formatKeys) list() map[string]opener {
	given := map[string]opener{}
	if f.CSV != nil {
		given["csv"] = f.CSV
	}
	if f.NDJSON != nil {
		given["ndjson"] = f.NDJSON
	}
	return given
}

type identityKeys struct {
	ID   string `yaml:"id"`
	Unit string `yaml:"unit"`
}

type transactionKeys struct {
	Action     string            `yaml:"action"`
	Book       string            `yaml:"book"`
	Type       string            `yaml:"type"`
	Method     string            `yaml:"method"`
	Product    string            `yaml:"product"`
	OccurredAt string            `yaml:"occurred_at"`
	Currency   string            `yaml:"currency"`
	Amount     string            `yaml:"amount"`
	Original   string            `yaml:"original"`
	Reason     string            `yaml:"reason"`
	Parties    map[string]string `yaml:"parties"`
	Attributes map[string]string `yaml:"attributes"`
}

type ignoreRuleKeys struct {
	Rule string `yaml:"rule"`
	When string `yaml:"when"`
}

type policyKeys struct {
	UnknownParty    string            `yaml:"unknown_party"`
	PartyKinds      map[string]string `yaml:"party_kinds"`
	UnmatchedRefund string            `yaml:"unmatched_refund"`
	Early           string            `yaml:"early"`
	SubMinor        string            `yaml:"sub_minor"`
}

// mapping holds the expressions of the canonical transaction; nil is not mapped.
type mapping struct {
	book, kind, method, product, occurredAt, currency, amount, original *expression.Expression

	action, reason *expression.Expression

	parties, attributes map[string]*expression.Expression
}

// identity is either the record's own id or the unit it is counted in.
type identity struct {
	id, unit *expression.Expression
	text     string // as declared
}

type ignoreRule struct {
	name string
	when *expression.Expression
}

// ParseDefinition reads a source definition. name is what errors call the file.
// The error is yamldoc.Faults: all that is wrong with it, each fault with file,
// line, column and path.
func ParseDefinition(name string, text []byte) (*Definition, error) {
	var keys document
	doc := yamldoc.Decode(name, text, &keys)
	d := &Definition{Source: keys.Source, Description: keys.Description, Text: string(text), volatile: slices.Clone(keys.Volatile)}
	b := builder{doc: doc, keys: &keys, d: d}
	if len(text) > longestDefinition {
		doc.Fault("", "", "the definition is longer than 256 KiB", "shorten it")
	}
	if doc.Has("source") || doc.Err() == nil {
		if err := domain.CheckID("source", keys.Source); err != nil {
			doc.FaultFrom("source", err)
		}
	}
	b.format()
	b.identity()
	b.transaction()
	b.ignore()
	b.policy()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// builder checks the parts of a definition and compiles its expressions.
type builder struct {
	doc  *yamldoc.Document
	keys *document
	d    *Definition
}

func (b *builder) format() {
	if e := b.keys.Format.Encoding; e != "" && !strings.EqualFold(e, "utf-8") && !strings.EqualFold(e, "utf8") {
		b.doc.Fault("format.encoding", e, "this encoding is not supported", "convert the files to UTF-8 and write utf-8, or leave the key out")
	}
	given := b.keys.Format.list()
	names := slices.Sorted(maps.Keys(given))
	var columns []string
	switch len(given) {
	case 0:
		b.doc.Fault("format", "", "the format is missing", "give csv: {columns: [...]} or ndjson: {}")
	case 1:
		b.d.format = given[names[0]]
		b.d.format.Check(func(key, value, message, remedy string) {
			b.doc.Fault("format."+names[0]+"."+key, value, message, remedy)
		})
	default:
		b.doc.Fault("format", strings.Join(names, ", "), "more than one format is given", "keep one")
	}
	if b.keys.Format.CSV != nil {
		columns = append([]string{}, b.keys.Format.CSV.Columns...)
		for i, field := range b.d.volatile {
			if !slices.Contains(columns, field) {
				b.doc.Fault(yamldoc.Index("volatile", i), field, "the format has no such column", "use one of "+strings.Join(columns, ", "))
			}
		}
	}
	language, err := expression.NewLanguage(columns)
	if err != nil {
		b.doc.FaultFrom("", err)
		return
	}
	b.d.language = language
}

// compile compiles the expression at a path; nil where the path is not there.
func (b *builder) compile(path, source string, want expression.Want) *expression.Expression {
	if source == "" && b.doc.Has(path) {
		b.doc.Fault(path, "", "the expression is empty", "map it with an expression such as row.field, or leave the key out")
	}
	if source == "" || b.d.language == nil {
		return nil
	}
	e, faults := b.d.language.Compile(source, want)
	for _, fault := range faults {
		b.doc.Fault(path, "", fault.Message, fault.Remedy)
	}
	return e
}

// require compiles an expression that must be there.
func (b *builder) require(path, source string, want expression.Want) *expression.Expression {
	if source == "" && !b.doc.Has(path) {
		b.doc.Fault(path, "", path+" is missing", "map it with an expression such as row.field")
	}
	return b.compile(path, source, want)
}

func (b *builder) identity() {
	keys := b.keys.Identity
	if b.doc.Has("identity.id") == b.doc.Has("identity.unit") {
		b.doc.Fault("identity", "", "a record needs one identity", "give id: row.field, or unit: row.field where a record is known by its place within a unit such as an invoice")
		return
	}
	b.d.identity = identity{
		id:   b.compile("identity.id", keys.ID, expression.Text),
		unit: b.compile("identity.unit", keys.Unit, expression.Text),
		text: "id: " + keys.ID,
	}
	if b.d.identity.unit != nil {
		b.d.identity.text = "unit: " + keys.Unit
	}
}

func (b *builder) transaction() {
	keys := &b.keys.Transaction
	b.d.mapping = mapping{
		book:       b.require("transaction.book", keys.Book, expression.Text),
		kind:       b.require("transaction.type", keys.Type, expression.Text),
		method:     b.compile("transaction.method", keys.Method, expression.Text),
		product:    b.compile("transaction.product", keys.Product, expression.Text),
		occurredAt: b.require("transaction.occurred_at", keys.OccurredAt, expression.Time),
		currency:   b.require("transaction.currency", keys.Currency, expression.Text),
		amount:     b.require("transaction.amount", keys.Amount, expression.Decimal),
		original:   b.compile("transaction.original", keys.Original, expression.Text),
		parties:    map[string]*expression.Expression{},
		attributes: map[string]*expression.Expression{},
	}
	if len(keys.Parties) > book.MaxParties {
		b.doc.Fault("transaction.parties", "", fmt.Sprintf("more than %d roles", book.MaxParties), "name parties that are always the same in the contract")
	}
	b.d.roles = slices.Sorted(maps.Keys(keys.Parties))
	for _, role := range b.d.roles {
		path := yamldoc.Join("transaction.parties", role)
		if err := domain.CheckName("role", role); err != nil {
			b.doc.FaultFrom(path, err)
		}
		b.d.mapping.parties[role] = b.compile(path, keys.Parties[role], expression.Text)
	}
	b.action()
	b.attributes()
	b.constants()
}

// attributes compiles what a record brings for schedules that declare it.
func (b *builder) attributes() {
	keys := b.keys.Transaction.Attributes
	if len(keys) > book.MaxAttributes {
		b.doc.Fault("transaction.attributes", "", fmt.Sprintf("more than %d attributes", book.MaxAttributes), "map those that schedules declare as inputs")
	}
	b.d.names = slices.Sorted(maps.Keys(keys))
	for _, name := range b.d.names {
		path := yamldoc.Join("transaction.attributes", name)
		if err := domain.CheckName("attribute", name); err != nil {
			b.doc.FaultFrom(path, err)
		}
		e := b.compile(path, keys[name], expression.Plain)
		b.d.mapping.attributes[name] = e
		if e == nil {
			continue
		}
		if result, constant := e.Constant(); constant {
			if err := domain.CheckText("attribute", result.Text, book.LongestAttribute); err != nil {
				b.doc.FaultFrom(path, err)
			}
		}
	}
}

// constants checks what an expression always gives, where the ledger would
// refuse it record by record.
func (b *builder) constants() {
	m := &b.d.mapping
	for _, c := range []struct {
		path  string
		e     *expression.Expression
		check func(string) error
	}{
		{"transaction.book", m.book, func(s string) error { return domain.CheckID("book", s) }},
		{"transaction.type", m.kind, func(s string) error { return domain.CheckName("type", s) }},
		{"transaction.currency", m.currency, func(s string) error { _, err := money.ParseCurrency(s); return err }},
	} {
		if c.e == nil {
			continue
		}
		if result, constant := c.e.Constant(); constant {
			if err := c.check(result.Text); err != nil {
				b.doc.FaultFrom(c.path, err)
			}
		}
	}
}

func (b *builder) ignore() {
	seen := map[string]bool{}
	for i, rule := range b.keys.Ignore {
		path := yamldoc.Index("ignore", i)
		if err := domain.CheckName("rule", rule.Rule); err != nil {
			b.doc.FaultFrom(path+".rule", err)
		}
		if seen[rule.Rule] {
			b.doc.Fault(path+".rule", rule.Rule, "the rule is named twice", "counts are kept by rule: name it differently")
		}
		seen[rule.Rule] = true
		b.d.ignore = append(b.d.ignore, ignoreRule{rule.Rule, b.require(path+".when", rule.When, expression.Bool)})
	}
}

func (b *builder) policy() {
	keys := &b.keys.Policy
	choice := func(path, value, otherwise, other string) bool {
		if value != "" && value != otherwise && value != other {
			b.doc.Fault(path, value, "unknown choice", "use "+otherwise+" (the default) or "+other)
		}
		return value == other
	}
	b.d.policy = book.Policy{
		SettleUnmatched: choice("policy.unmatched_refund", keys.UnmatchedRefund, "quarantine", "settle"),
		SubMinor:        choice("policy.sub_minor", keys.SubMinor, "refuse", "settle"),
		Await:           choice("policy.early", keys.Early, "quarantine", "await"),
	}
	register := choice("policy.unknown_party", keys.UnknownParty, "quarantine", "register")
	kinds := map[string]party.Kind{}
	for _, role := range slices.Sorted(maps.Keys(keys.PartyKinds)) {
		path := yamldoc.Join("policy.party_kinds", role)
		kind, err := party.ParseKind(keys.PartyKinds[role])
		if err != nil {
			b.doc.FaultFrom(path, err)
		}
		if _, mapped := b.keys.Transaction.Parties[role]; !mapped {
			b.doc.Fault(path, role, "transaction.parties maps no such role", "")
		}
		kinds[role] = kind
	}
	if !register {
		if len(kinds) > 0 {
			b.doc.Fault("policy.party_kinds", "", "kinds are only used with unknown_party: register", "add that line, or leave party_kinds out")
		}
		return
	}
	for _, role := range b.d.roles {
		if _, known := kinds[role]; !known {
			b.doc.Fault("policy.party_kinds", role, "the kind of party "+role+" is missing", "unknown_party: register needs the kind of every role, as provider: provider")
		}
	}
	b.d.register = kinds
}
