autocmd BufNewFile,BufRead *.ehlo setfiletype ehlo
