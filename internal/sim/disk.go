package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func newDisk() *vfs.MemFS { return vfs.NewCrashableMem() }

// copied is a disk with the same contents.
func copied(disk *vfs.MemFS, random *rand.Rand) *vfs.MemFS {
	return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: random})
}

// remains says what the disk of a process that is killed will hold, and gives what
// makes it so once the process has ended. What Pebble had written by the moment of
// the death is not the seed's to say, so the index is either whole, as of then, or
// as it was when the process started.
func (s *simulation) remains(p *process) (left string, become func() (*vfs.MemFS, error)) {
	random := rand.New(rand.NewPCG(s.options.Seed, uint64(s.gate.now())))
	disk, before := p.disk, p.life.before
	switch s.random.IntN(8) {
	case 0:
		return "gone", func() (*vfs.MemFS, error) { return newDisk(), nil }
	case 1, 2:
		return "stale", func() (*vfs.MemFS, error) { return before, nil }
	case 3, 4:
		return "damaged", func() (*vfs.MemFS, error) { return disk, damage(disk, random) }
	case 5:
		return "that of another copy of the log", s.stray
	}
	return "kept", func() (*vfs.MemFS, error) { return disk, nil }
}

// fileKinds are the files that an index rests on: the newest of each counts.
var fileKinds = []func(name string) bool{
	func(name string) bool { return strings.HasSuffix(name, ".log") },
	func(name string) bool { return strings.HasSuffix(name, ".sst") },
	func(name string) bool { return strings.HasPrefix(name, "MANIFEST") },
	func(name string) bool { return strings.HasPrefix(name, "OPTIONS") },
}

// damage cuts the newest file of some kind short, or turns a bit of it.
func damage(disk *vfs.MemFS, random *rand.Rand) error {
	of, cutShort, place := pick(random, fileKinds...), random.IntN(2) == 0, random.IntN(1<<20)
	names, err := disk.List(indexDir)
	if err != nil {
		return nil // it was killed before it had an index
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !of(name) })
	if len(names) == 0 {
		return nil
	}
	path := disk.PathJoin(indexDir, slices.Max(names))
	data, err := disk.UnsafeGetFileDataBuffer(path)
	if err != nil || len(data) == 0 {
		return err
	}
	content := slices.Clone(data)
	if place %= len(content); cutShort {
		content = content[:place]
	} else {
		content[place] ^= 1 << (place % 8)
	}
	file, err := disk.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// stray is the index of a process that wrote to a copy of this log, which began
// alike and went another way.
func (s *simulation) stray() (*vfs.MemFS, error) {
	other, disk := memory.New(), newDisk()
	err := s.begin(context.Background(), other, disk, slices.Concat(s.world.direct...))
	return disk, errors.Join(err, other.Close())
}
