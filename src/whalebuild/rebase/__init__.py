"""Stub, rebase: a build on an image's tree alone, and its layers put on the image itself.

*App base*: the image that the application's instructions are written onto. *Stub*: an image with
the app base's configuration and one small layer: its directories and symbolic links, and hardly a
file's content. *Rebase* (as ``crane rebase`` and ``pack rebase`` mean it): what a build on the
stub has added, put on the app base. Functions over bytes, mappings and binary streams. No I/O.
"""
