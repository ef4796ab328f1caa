package fee

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Named values of Window.Name.
const (
	WindowDay      = "day"
	WindowMonth    = "calendar_month"
	WindowQuarter  = "calendar_quarter"
	WindowYear     = "calendar_year"
	WindowLifetime = "lifetime"
)

// Window says when an accumulator begins anew: written as the name of a calendar
// period, or as {rolling_days: 30} for the day of the transaction and the days
// before it, 30 in all.
type Window struct {
	Name        string `json:"-" yaml:"-"`
	RollingDays int    `json:"rolling_days" yaml:"rolling_days"`
}

// Named values of Refund.Policy.
const (
	RefundProRata = "pro_rata"
	RefundOnFull  = "on_full"
	RefundKept    = "kept"
	RefundReRate  = "re_rate"
)

// Refund says what of a line a refund returns: written as the name of a policy,
// or as {keep: formula} for a part that is kept of a full return, the rest pro rata.
type Refund struct {
	Policy string `json:"-" yaml:"-"`
	Keep   string `json:"keep" yaml:"keep"` // number formula; `line` is the amount charged
}

// UnmarshalText reads the name of a window.
func (w *Window) UnmarshalText(text []byte) error {
	*w = Window{Name: string(text)}
	return nil
}

// UnmarshalJSON reads either form.
func (w *Window) UnmarshalJSON(data []byte) error {
	type long Window
	return either(data, &w.Name, (*long)(w))
}

// MarshalJSON writes the form that says it.
func (w Window) MarshalJSON() ([]byte, error) {
	type long Window
	if w.Name != "" {
		return json.Marshal(w.Name)
	}
	return json.Marshal(long(w))
}

// String is the window in words, as "calendar_month" and "30 days".
func (w Window) String() string {
	if w.Name != "" {
		return w.Name
	}
	return strconv.Itoa(w.RollingDays) + " days"
}

// UnmarshalText reads the name of a policy.
func (r *Refund) UnmarshalText(text []byte) error {
	*r = Refund{Policy: string(text)}
	return nil
}

// UnmarshalJSON reads either form.
func (r *Refund) UnmarshalJSON(data []byte) error {
	type long Refund
	return either(data, &r.Policy, (*long)(r))
}

// MarshalJSON writes the form that says it.
func (r Refund) MarshalJSON() ([]byte, error) {
	type long Refund
	if r.Keep == "" {
		return json.Marshal(r.Policy)
	}
	return json.Marshal(long(r))
}

// either reads a JSON string into short, or an object without unknown keys into long.
func either(data []byte, short *string, long any) error {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.DisallowUnknownFields()
		return d.Decode(long)
	}
	if err := json.Unmarshal(data, short); err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Value: string(data), Message: "neither a name nor an object", Remedy: "write one of both", Err: err}
	}
	return nil
}
