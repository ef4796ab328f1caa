package bench

import "time"

// Report is what a run has found.
type Report struct {
	Machine  Machine  `json:"machine"`
	Settings Settings `json:"settings"`
	Results  []Result `json:"results"`
	Ratios   []Ratio  `json:"ratios"`
	Seconds  float64  `json:"seconds"`
}

// Machine is what the run took place on.
type Machine struct {
	At         time.Time `json:"at"`
	System     string    `json:"system"`
	CPUs       int       `json:"cpus"`
	Go         string    `json:"go"`
	Filesystem string    `json:"filesystem"`
	// Postgres are the settings of the private server that decide its speed.
	Postgres map[string]string `json:"postgres,omitempty"`
}

// Settings is how large the run was.
type Settings struct {
	Settlements int    `json:"settlements"`
	Accounts    int    `json:"accounts"` // partner accounts, where the scenario does not say otherwise
	Products    int    `json:"products"`
	Seed        uint64 `json:"seed"`
	IDs         string `json:"ids"`
	Dir         string `json:"dir"`
}

// Result is what one scenario, or one part of the calibration, has measured.
type Result struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`
	Figures []Figure `json:"figures"`
	Seconds float64  `json:"seconds"` // of the whole scenario, preparation included
}

// Figure is one measured value. Names are stable: scripts read them.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Ratio sets two figures of the run in relation, or one figure against a floor.
type Ratio struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // empty for a quotient
	// Bound is what the value must reach, or where AtMost must not exceed; 0 where
	// the value only informs.
	Bound  float64 `json:"bound,omitempty"`
	AtMost bool    `json:"at_most,omitempty"`
	Aim    float64 `json:"aim,omitempty"` // what is hoped for, 0 where no more than the bound
	Passed bool    `json:"passed"`
}

// Passed reports whether every bound is kept.
func (r *Report) Passed() bool {
	for _, ratio := range r.Ratios {
		if !ratio.Passed {
			return false
		}
	}
	return true
}

// find returns a figure of a result.
func (r *Report) find(result, figure string) (float64, bool) {
	for _, found := range r.Results {
		if found.Name != result {
			continue
		}
		if f, found := found.figure(figure); found {
			return f.Value, true
		}
	}
	return 0, false
}

func (r *Result) figure(name string) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}

// result is one being filled.
type result struct{ Result }

func (r *result) add(name string, value float64, unit string) {
	r.Figures = append(r.Figures, Figure{name, value, unit})
}

// percentiles adds median, 99th percentile and longest of a sample, in milliseconds.
func (r *result) percentiles(name string, s *sample) {
	r.add(name+"_p50", milliseconds(s.at(0.5)), "ms")
	r.add(name+"_p99", milliseconds(s.at(0.99)), "ms")
	r.add(name+"_max", milliseconds(s.at(1)), "ms")
}

// used adds the CPU time that each of n settlements took.
func (r *result) used(u usage, n int, postgres bool) {
	if !measurable {
		return
	}
	r.add("cpu_own", float64(u.own.Microseconds())/float64(n), "µs/settlement")
	if postgres {
		r.add("cpu_postgres", float64(u.other.Microseconds())/float64(n), "µs/settlement")
	}
	r.add("cpu", float64((u.own+u.other).Microseconds())/float64(n), "µs/settlement")
}

func (r *result) peak(m memory, postgres bool) {
	if !measurable {
		return
	}
	r.add("peak_memory_own", float64(m.own)/(1<<20), "MiB")
	if postgres {
		r.add("peak_memory_postgres", float64(m.other)/(1<<20), "MiB")
	}
}
