package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// archive writes an index as a tar of the OCI image layout. Tools find it there by the version.
func (r release) archive(file string, index v1.ImageIndex) (err error) {
	dir, err := os.MkdirTemp("", product)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("laying out the image: %w", err)
	}
	reference := map[string]string{"org.opencontainers.image.ref.name": r.version}
	if err := path.AppendIndex(index, layout.WithAnnotations(reference)); err != nil {
		return fmt.Errorf("laying out the image: %w", err)
	}
	out, err := os.Create(file) //nolint:gosec // the caller says which
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := r.tar(out, os.DirFS(dir)); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return out.Chmod(0o644)
}

// tar writes the files of a layout in the order of their names, without what the file system says of their owner, mode and time.
func (r release) tar(out *os.File, files fs.FS) error {
	w := tar.NewWriter(out)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || path == ".":
			return err
		case d.IsDir():
			return r.entry(w, path+"/", content{mode: 0o755})
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return r.entry(w, path, content{text, 0o644})
	})
	return errors.Join(err, w.Close())
}
