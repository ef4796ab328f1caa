package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/graph/generated"
)

// Until there is authentication every request is of the same actor.
const (
	actor         = "anonymous"
	authenticated = "none"
)

// answer is what every payload tells of a command.
type answer struct {
	outcome    *generated.Outcome
	position   *eventstore.Token
	ref        *domain.Ref
	userErrors []*generated.UserError
}

// do sends a command through the door. What is wrong with the input becomes a
// user error; that a part of the server does not answer, or that the outcome is
// unknown, is an error of the request.
func (r *Resolver) do(ctx context.Context, wish domain.Command, clientKey *string) (answer, error) {
	reply := r.door.Do(ctx, command.Request{Command: wish, Meta: eventstore.Meta{
		Actor: actor, Authenticated: authenticated, Request: requestID(ctx), Correlation: given(clientKey),
	}})[0]
	if reply.Err != nil {
		return refused(reply.Err)
	}
	outcome := generated.OutcomeApplied
	if reply.Outcome == command.Replayed {
		outcome = generated.OutcomeReplayed
	}
	position := r.token(reply.Position)
	loadersOf(ctx).want(reply.Position)
	return answer{&outcome, &position, &reply.Ref, []*generated.UserError{}}, nil
}

// attempt does a command that was made from an input, or tells what is wrong
// with the input.
func (r *Resolver) attempt(ctx context.Context, wish domain.Command, unmade error, clientKey *string) (answer, error) {
	if unmade != nil {
		return refused(unmade)
	}
	return r.do(ctx, wish, clientKey)
}

// refused makes a user error of what is wrong with the input, and passes on
// every other error.
func refused(err error) (answer, error) {
	var e *domain.Error
	if !errors.As(err, &e) {
		return answer{}, err
	}
	switch e.Code {
	case domain.CodeInternal, domain.CodeUnavailable, domain.CodeOutcomeUnknown:
		return answer{}, err
	}
	return answer{userErrors: []*generated.UserError{userError(e)}}, nil
}

func userError(e *domain.Error) *generated.UserError {
	return &generated.UserError{
		Code: string(e.Code), Field: optional(e.Field), Value: optional(e.Value), Message: e.Message, Remedy: optional(e.Remedy),
	}
}

// transactionOf returns the transaction that an accepted command led to, read
// from the log: the read models may not be there yet.
func (r *Resolver) transactionOf(ctx context.Context, ref *domain.Ref) (*generated.Transaction, error) {
	if ref == nil {
		return nil, nil
	}
	return r.transactionAt(ctx, *ref)
}

// eventOf reads the event that an accepted command led to.
func eventOf[E domain.Event](ctx context.Context, ref domain.Ref) (event E, position eventstore.Position, err error) {
	l, err := loadersOf(ctx).events.Load(ctx, ref)
	if err == nil {
		err = l.undecoded
	}
	if err != nil {
		return event, 0, err
	}
	event, ok := l.event.(E)
	if !ok {
		return event, 0, &domain.Error{Code: domain.CodeInternal, Field: "event", Value: eventID(ref.Stream, ref.Revision), Message: "the event is of another type than expected"}
	}
	return event, l.recorded.Position, nil
}

// settlement is what an input says, as the domain knows it.
func settlement(in generated.SettleInput) (book.SettleTransaction, error) {
	amount, err := in.Amount.Amount()
	if err != nil {
		return book.SettleTransaction{}, err
	}
	parties, err := roleMap("parties", in.Parties)
	if err != nil {
		return book.SettleTransaction{}, err
	}
	attributes, err := textMap("attributes", in.Attributes)
	if err != nil {
		return book.SettleTransaction{}, err
	}
	t := book.Transaction{
		Key: book.Key{Source: in.Source, ExternalID: in.ExternalID}, Book: in.Book, Type: in.Type,
		Method: given(in.Method), Product: given(in.Product), Parties: parties, Attributes: attributes, OccurredAt: in.OccurredAt,
		Currency: in.Currency, Amount: amount, OriginalID: given(in.OriginalID),
	}
	t.ContentHash, err = contentHash(struct {
		Source     string            `json:"source"`
		ExternalID string            `json:"external_id"`
		Book       string            `json:"book"`
		Type       string            `json:"type"`
		Method     string            `json:"method"`
		Product    string            `json:"product"`
		Parties    map[string]string `json:"parties"`
		OccurredAt time.Time         `json:"occurred_at"`
		Currency   string            `json:"currency"`
		Amount     string            `json:"amount"`
		OriginalID string            `json:"original_id"`
		// Left out where there are none: hashes of old content stay.
		Attributes map[string]string `json:"attributes,omitempty"`
	}{
		t.Source, t.ExternalID, t.Book, t.Type, t.Method, t.Product, t.Parties, t.OccurredAt.UTC(),
		string(t.Currency), t.Amount.Format(t.Currency), t.OriginalID, t.Attributes,
	})
	policy := book.Policy{SettleUnmatched: given(in.SettleUnmatched), SubMinor: given(in.SubMinor), Await: given(in.Await)}
	return book.SettleTransaction{Transaction: t, Policy: policy}, err
}

// reversal is what an input says, as the domain knows it.
func reversal(in generated.ReverseInput) (book.ReverseEntry, error) {
	wish := book.ReverseEntry{
		Key: book.Key{Source: in.Source, ExternalID: in.ExternalID}, Book: in.Book,
		Target: book.Key{Source: in.Target.Source, ExternalID: in.Target.ExternalID}, Reason: in.Reason, OccurredAt: in.OccurredAt,
		Policy: book.Policy{Await: given(in.Await)},
	}
	var err error
	wish.ContentHash, err = contentHash(struct {
		Source     string    `json:"source"`
		ExternalID string    `json:"external_id"`
		Book       string    `json:"book"`
		Target     book.Key  `json:"target"`
		Reason     string    `json:"reason"`
		OccurredAt time.Time `json:"occurred_at"`
	}{wish.Source, wish.ExternalID, wish.Book, wish.Target, wish.Reason, wish.OccurredAt.UTC()})
	return wish, err
}

// contentHash is "1:" and 128 bits of the SHA-256 of the content's JSON, whose
// keys stand in a fixed order and whose values are in one written form: equal
// content has equal hashes.
func contentHash(content any) (string, error) {
	b, err := json.Marshal(content)
	if err != nil {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: "input", Message: "the content cannot be hashed", Err: err}
	}
	sum := sha256.Sum256(b)
	return "1:" + hex.EncodeToString(sum[:16]), nil
}
