package durable

import (
	"errors"
	"io/fs"
)

// Settle makes what was written durable, still under the temporary name. Nothing is
// written after it; Commit then only gives the name.
func (f *File) Settle() error {
	if f.settled {
		return nil
	}
	err := f.flush()
	if err == nil {
		err = f.file.Sync()
	}
	f.settled = err == nil
	return classify("sync "+f.base, err)
}

// CommitAll is Commit for many files, with one sync for each directory. errs[i] is that
// of files[i].
func CommitAll(files []*File) (errs []error) {
	errs = make([]error, len(files))
	dirs := map[string][]int{} // the files of one directory that got their names
	for i, f := range files {
		errs[i] = fs.ErrClosed
		f.once.Do(func() {
			if errs[i] = f.give(publish); errs[i] != nil {
				_ = f.dir.Remove(f.temp) // best effort, as in finish
				errs[i] = errors.Join(errs[i], f.dir.Close())
				return
			}
			dirs[f.dir.Name()] = append(dirs[f.dir.Name()], i)
		})
	}
	for _, named := range dirs {
		err := files[named[0]].syncName()
		for _, i := range named {
			errs[i] = errors.Join(err, files[i].dir.Close())
		}
	}
	return errs
}
