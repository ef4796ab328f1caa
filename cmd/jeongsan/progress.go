package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar shows how far a long work is: as a bar on a terminal, as a log line every
// ten seconds elsewhere.
type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
	records   atomic.Uint64
	bytes     atomic.Uint64 // of events; 0 where the work does not count them
	started   time.Time

	p       *program
	name    string
	size    int64
	lastLog time.Time
}

const logProgressEvery = 10 * time.Second

// newBar starts a bar over size units; 0 is an unknown size. The unit is bytes
// of input, or events of the log.
func (p *program) newBar(name string, size int64) *bar {
	b := &bar{p: p, name: name, size: size, started: time.Now(), lastLog: time.Now()}
	file, ok := p.stderr.(*os.File)
	if p.config.JSON || !ok || !isatty.IsTerminal(file.Fd()) {
		b.container = mpb.New(mpb.WithOutput(io.Discard))
		b.bar = b.container.AddBar(size)
		return b
	}
	b.container = mpb.New(mpb.WithOutput(file), mpb.WithRefreshRate(150*time.Millisecond))
	b.bar = b.container.AddBar(size,
		mpb.PrependDecorators(decor.Name(name+" ")),
		mpb.AppendDecorators(
			decor.Percentage(),
			decor.Any(func(decor.Statistics) string {
				n := b.records.Load()
				size := ""
				if bytes := b.bytes.Load(); bytes > 0 {
					size = ", " + humanize.IBytes(bytes)
				}
				return fmt.Sprintf("  %s records%s, %s/s", humanize.Comma(int64(n)), size, humanize.Comma(int64(float64(n)/time.Since(b.started).Seconds())))
			}),
			decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO),
		),
	)
	return b
}

// set moves the bar to done units and shows a count of records. One goroutine calls it.
func (b *bar) set(done int64, records uint64) {
	b.records.Store(records)
	b.bar.SetCurrent(min(done, max(b.size, 0)))
	if now := time.Now(); now.Sub(b.lastLog) >= logProgressEvery {
		b.lastLog = now
		b.p.log.Info("progress", "of", b.name, "done", done, "size", b.size, "records", records, "bytes", b.bytes.Load())
	}
}

// resize tells the size where it was not known at first. The goroutine of set calls it.
func (b *bar) resize(size int64) {
	if size != b.size {
		b.size = size
		b.bar.SetTotal(size, false)
	}
}

// finish ends the bar, wherever the work stopped, and leaves its last state on
// the screen.
func (b *bar) finish() {
	b.bar.SetTotal(-1, true) // where the size was unknown
	b.bar.Abort(false)       // where not all of it was done
	b.container.Wait()
}
